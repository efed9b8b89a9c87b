"""Work items and their leases. Each verb is one transaction over many items. After its commit this is true:

claims.claim             the next items are leased to a worker; their tasks and jobs run
claims.claim_each        the same for several workers, which get the items in turn
claims.mark_queued       tasks that only wait for a worker slot have the status `queued`
leases.heartbeat         the held leases are prolonged; the caller knows which attempts must stop
leases.expired           reads the leases whose worker did not report in time; `finish` ends them
leases.all_leases        reads every lease, for a server that starts on an embedded database
reports.finish           the attempts have ended as reported: results are visible, children are released, jobs settled
results.publish_results  the part of `finish` that makes results visible; no other code does
jobs.stops.stop_jobs     jobs are cancelled while attempts run; the workers learn it at their next heartbeat
jobs.stops.signalled     the history records that engines received the stop signal

`claim` and `finish` run in `Database.write_work`. A transaction that changes tasks locks their jobs first
(`job_locks`), in key order, and writes through `settlement.write`. Waiting items are read in `lanes` and counted in
`lane_counts`; `quotas` and, within a job, `held_items` decide which of them may start.
"""
