// One session of a TypeScript client that openapi-generator has generated. It prints each result as one line of JSON.
//
// The generated client is the folder `client` beside this file.
import { Configuration, EngineApi, JobStatusEnum, ProcessApi, ResponseError, TaskStatusEnum } from './client';

// What this session uses of Node.
declare const process: { env: Record<string, string>; exit(code: number): never };
declare function require(name: string): { readFileSync(path: string): Uint8Array<ArrayBuffer> };

const { ENGINEHOUSE_URL, ENGINEHOUSE_TOKEN, ENGINEHOUSE_JOB, ENGINEHOUSE_ENGINE, ENGINEHOUSE_SENTIMENT, ENGINEHOUSE_FILE } = process.env;
const basePath = `${ENGINEHOUSE_URL}/edge/v1`;
const configuration = new Configuration({ basePath, apiKey: ENGINEHOUSE_TOKEN });
const jobs = new ProcessApi(configuration);
const engines = new EngineApi(configuration);
const jobID = ENGINEHOUSE_JOB;
const engineID = ENGINEHOUSE_SENTIMENT;

function say(name: string, result: unknown): void {
	console.log(JSON.stringify({ name, result }));
}

async function status(id: string): Promise<string | undefined> {
	return (await jobs.getJobStatus({ jobID: id })).job?.jobStatus;
}

async function session(): Promise<void> {
	const owner = (await jobs.getJobDetail({ jobID })).job!.internalOrganizationID!;
	const task = { engineId: ENGINEHOUSE_ENGINE, taskPayloadJSON: '{"a": 1}' };
	const wanted = { jobs: [{ internalOrganizationID: owner, tasks: [task] }] };
	const id = (await jobs.createJob({ createJobRequest: wanted })).internalJobIds![0];
	say('create', id);
	say('status', await status(id));
	const detail = (await jobs.getJobDetail({ jobID: id })).job!;
	say('read', { id: detail.internalJobID, payload: detail.tasks![0].taskPayloadJSON });
	const page = await jobs.getJobs({ limit: 1, status: JobStatusEnum.Pending });
	say('list', page.result!.map((one) => one.internalJobID));
	const tasks = await jobs.getTasks({ jobID: id, status: TaskStatusEnum.Pending });
	say('tasks', tasks.result!.map((one) => ({ job: one.internalJobID, status: one.taskStatus })));

	const headers = { api_key: ENGINEHOUSE_TOKEN, 'Content-Type': 'application/json' };
	const cancel = { method: 'POST', headers, body: JSON.stringify({ jobID: id }) };
	say('cancel', await (await fetch(`${basePath}/proc/jobs/cancel`, cancel)).json());
	say('status', await status(id));
	const deleted = await jobs.deleteJobRaw({ jobID: id, deleteJobRequest: {} });
	const { success, count } = await deleted.value() as { success?: boolean; count?: number };
	say('delete', { status: deleted.raw.status, body: { success, count } });
	try {
		await jobs.getJobDetail({ jobID: id });
	} catch (error) {
		const { response } = error as ResponseError;
		say('absent', { status: response.status, id: (await response.json()).id });
	}

	const [output] = (await jobs.getJobOutputs({ jobID })).outputs!.outputs!;
	const named = { jobID, jobOutputName: output.name! };
	say('outputs', output.size);
	say('output', new TextEncoder().encode((await jobs.getJobOutput(named)).output!.contents).length);
	const download = await jobs.getJobDownloadRaw(named);
	say('download', (await download.raw.arrayBuffer()).byteLength);
	say('engines', (await engines.getEngines({ limit: 1000 })).count! > 5);
	say('schedules', (await jobs.getScheduledJobs()).count);

	const [standard] = (await engines.getEngineTemplate({ engineID, engineTemplateName: 'standard' })).templates!;
	const own = { engineID, engineTemplateName: 'own', engineTemplate: { template: standard.template } };
	say('template', (await engines.upsertEngineTemplate(own)).templateName);
	const fileName = new Blob([require('node:fs').readFileSync(ENGINEHOUSE_FILE)], { type: 'text/plain' });
	const upload = { engineID, fileName, inputFileName: 'said.txt', templateName: 'own' };
	say('upload', (await engines.createJobForEngine(upload)).internalJobId);
}

session().catch((error) => {
	console.error(error);
	process.exit(1);
});
