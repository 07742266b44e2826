-- graphile-worker makes its tables with row security and without policies, and adds to them in its own migrations:
-- what the worker's login may do with the queue is said again after each of them.
grant usage on schema graphile_worker to :WORKER;
grant select on table graphile_worker.migrations to :WORKER;
grant select, insert, update, delete on table
  graphile_worker._private_jobs,
  graphile_worker._private_job_queues,
  graphile_worker._private_tasks,
  graphile_worker._private_known_crontabs
to :WORKER;
grant select on table graphile_worker.jobs to :WORKER;
grant usage on all sequences in schema graphile_worker to :WORKER;
grant execute on all functions in schema graphile_worker to :WORKER;

drop policy if exists all_worker on graphile_worker._private_jobs;
create policy all_worker on graphile_worker._private_jobs to :WORKER using (true) with check (true);
drop policy if exists all_worker on graphile_worker._private_job_queues;
create policy all_worker on graphile_worker._private_job_queues to :WORKER using (true) with check (true);
drop policy if exists all_worker on graphile_worker._private_tasks;
create policy all_worker on graphile_worker._private_tasks to :WORKER using (true) with check (true);
drop policy if exists all_worker on graphile_worker._private_known_crontabs;
create policy all_worker on graphile_worker._private_known_crontabs to :WORKER using (true) with check (true);
