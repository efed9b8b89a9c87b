"""Work and whoever runs it. Each verb is one transaction over many items; here is what is true after its commit.

claims.claim             the next items are leased to a worker; their tasks and jobs run
claims.mark_queued       tasks that only wait for a worker slot say `queued`
leases.heartbeat         the leases still held run on; the caller learns which attempts are to stop
leases.expired           reads the leases whose holder was not heard of in time; `finish` ends them
leases.all_leases        reads every lease, for a server that starts on an embedded database
reports.finish           the attempts have ended as reported: results are visible, children released, jobs settled
results.publish_results  the part of `finish` that makes results visible, and the only place that does
jobs.stops.stop_jobs     jobs are cancelled while attempts run; those are told at their next heartbeat
jobs.stops.signalled     it is recorded that engines were told to stop

`claim` and `finish` run in `Database.write_work`. Whoever changes tasks locks their job first (`job_locks`), jobs in
key order, and writes through `settlement.write`. What waits stands in `lanes`; `quotas` and, within a
job, `held_items` decide what of it may start.
"""
