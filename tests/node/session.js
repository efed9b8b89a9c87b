// One session of the published client, unmodified. It prints the result of each call, or the error, as one line of JSON.
const bundle = require('veritone-client-js/dist/bundle-node');
const create = bundle.default || bundle;

const { ENGINEHOUSE_URL: baseUrl, ENGINEHOUSE_TOKEN: token, ENGINEHOUSE_TARGET: target } = process.env;
const client = create({ token, apiToken: token, baseUrl, maxRetries: 1 });

async function call(name, ...args) {
	const [space, method] = name.split('.');
	let line;
	try {
		line = { name, result: await client[space][method](...args) };
	} catch (error) {
		line = { name, error: error.message, status: error.status, data: error.data };
	}
	console.log(JSON.stringify(line));
	return line.result || {};
}

(async () => {
	await call('graphql.query', 'query q($limit: Int) { jobs(limit: $limit) { count } me { name } }', { limit: 2 }, 'q');
	const { jobId } = await call('job.createJob', { tasks: [{ engineId: 'noop', taskPayload: { a: 1 } }], recordingId: target });
	await call('job.getJob', jobId);
	await call('job.getJobs', { limit: 5, offset: 0 });
	await call('job.getJobsForRecording', { recordingId: target });
	await call('job.cancelJob', jobId);
	await call('job.restartJob', jobId);
	await call('job.retryJob', jobId);
	await call('job.getJob', '26010101_xxxxxxxxxx');
	await call('job.createJob', { tasks: [{ engineId: 'nobody' }] });
})();
