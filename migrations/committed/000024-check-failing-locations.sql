--! Previous: sha1:344e06a487c464623a663563e74d356bf27adb3b
--! Hash: sha1:e524b07140d61643ccd31a8881568ab5f40d18b8
--! Message: check failing locations

-- The constraints that came with the columns, checked for the rows that were there before.
set local lock_timeout = '3s';

alter table publishing.locations validate constraint locations_failure_streak_check;
alter table publishing.locations validate constraint locations_failing_has_start_check;
