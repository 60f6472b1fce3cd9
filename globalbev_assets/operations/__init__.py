"""What a person or a job does with the lakehouse: the command line, and the work behind its commands."""
