// A client that openapi-generator has generated from our own description, in the folder `client`, lists the jobs.
import { Configuration, JobsApi } from './client';

declare const process: { env: Record<string, string> };

const { ENGINEHOUSE_URL, ENGINEHOUSE_BASE, ENGINEHOUSE_TOKEN } = process.env;
const jobs = new JobsApi(new Configuration({ basePath: ENGINEHOUSE_URL + ENGINEHOUSE_BASE, accessToken: ENGINEHOUSE_TOKEN }));

jobs.jobsListJobs({ limit: 1000 }).then((page) => {
	console.log(JSON.stringify({ name: 'list', result: page.result.map((one) => one.internalJobID) }));
});
