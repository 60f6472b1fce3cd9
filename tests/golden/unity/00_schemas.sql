-- Made by `globalbev contract unity` from the contracts. Do not edit: change the contract and make it again.
CREATE SCHEMA IF NOT EXISTS `globalbev_dev`.`bronze` COMMENT 'What arrived, as it arrived.';
CREATE SCHEMA IF NOT EXISTS `globalbev_dev`.`silver` COMMENT 'Clean, typed, one row a key.';
CREATE SCHEMA IF NOT EXISTS `globalbev_dev`.`gold` COMMENT 'What the business reads.';
CREATE SCHEMA IF NOT EXISTS `globalbev_dev`.`quarantine` COMMENT 'Rows that were rejected, with every rule that they broke.';
CREATE SCHEMA IF NOT EXISTS `globalbev_dev`.`ops` COMMENT 'What the lakehouse keeps about itself.';
