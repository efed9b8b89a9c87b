// The calls of the published client for tasks, unmodified. It prints the result of each call, or the error, as one line of JSON.
const bundle = require('veritone-client-js/dist/bundle-node');
const create = bundle.default || bundle;

const { ENGINEHOUSE_URL: baseUrl, ENGINEHOUSE_TOKEN: token, ENGINEHOUSE_ENGINE: engineId } = process.env;
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
	const { jobId, tasks } = await call('job.createJob', { tasks: [{ engineId, taskPayload: { a: 1 } }] });
	const [{ taskId }] = tasks;
	await call('tasks.pollTask', jobId, taskId, { at: 7 });
	await call('tasks.updateTask', jobId, taskId, { taskStatus: 'running' });
	await call('tasks.updateTask', jobId, taskId, { taskStatus: 'complete', taskOutput: { words: 3 } });
	await call('tasks.updateTask', jobId, taskId, { taskStatus: 'failed' });
	await call('job.getJob', jobId);
})();
