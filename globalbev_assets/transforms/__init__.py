"""``DataFrame -> DataFrame``: no reading, no writing, no session, no ``collect``.

What a contract says becomes Spark here (``typed``, ``rules``, ``outcomes``); what a contract cannot say stands in a module a domain.
"""
