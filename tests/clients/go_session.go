// One session of a Go client that openapi-generator has generated. It prints each result as one line of JSON.
//
// The generated module is the import `edge`. A response that is not as described is an error where it is read.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log"
	"net/http"
	"os"

	edge "github.com/GIT_USER_ID/GIT_REPO_ID"
)

func say(name string, result any) {
	line, err := json.Marshal(map[string]any{"name": name, "result": result})
	must(line, nil, err)
	os.Stdout.Write(append(line, '\n'))
}

// must ends the session with the error that a call has returned.
func must[T any](value T, _ *http.Response, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}

// bytesOf returns the body of a response that the description declares with the wrong type or status.
func bytesOf(response *http.Response) []byte {
	body, err := io.ReadAll(response.Body)
	return must(body, nil, err)
}

func main() {
	address, token := os.Getenv("ENGINEHOUSE_URL")+"/edge/v1", os.Getenv("ENGINEHOUSE_TOKEN")
	done, sentiment := os.Getenv("ENGINEHOUSE_JOB"), os.Getenv("ENGINEHOUSE_SENTIMENT")
	configuration := edge.NewConfiguration()
	configuration.Servers = edge.ServerConfigurations{{URL: address}}
	client := edge.NewAPIClient(configuration)
	process, engines := client.ProcessAPI, client.EngineAPI
	ctx := context.WithValue(context.Background(), edge.ContextAPIKeys, map[string]edge.APIKey{"api_key": {Key: token}})
	status := func(job string) edge.JobStatusEnum {
		return must(process.GetJobStatus(ctx, job).Execute()).Job.GetJobStatus()
	}

	task := edge.NewCreateTaskDetail(os.Getenv("ENGINEHOUSE_ENGINE"))
	task.SetTaskPayloadJSON(`{"a": 1}`)
	wanted := edge.NewCreateJobDetail(must(process.GetJobDetail(ctx, done).Execute()).Job.GetInternalOrganizationID())
	wanted.SetTasks([]edge.CreateTaskDetail{*task})
	request := edge.CreateJobRequest{Jobs: []edge.CreateJobDetail{*wanted}}
	job := must(process.CreateJob(ctx).CreateJobRequest(request).Execute()).InternalJobIds[0]
	say("create", job)
	say("status", status(job))
	detail := must(process.GetJobDetail(ctx, job).Execute()).GetJob()
	say("read", map[string]string{"id": detail.GetInternalJobID(), "payload": detail.Tasks[0].GetTaskPayloadJSON()})
	ids := []string{}
	for _, one := range must(process.GetJobs(ctx).Limit(1).Status(edge.JOBSTATUSENUM_PENDING).Execute()).Result {
		ids = append(ids, one.GetInternalJobID())
	}
	say("list", ids)
	tasks := []map[string]any{}
	for _, one := range must(process.GetTasks(ctx).JobID(job).Status(edge.TASKSTATUSENUM_PENDING).Execute()).Result {
		tasks = append(tasks, map[string]any{"job": one.GetInternalJobID(), "status": one.GetTaskStatus()})
	}
	say("tasks", tasks)

	body, err := json.Marshal(map[string]string{"jobID": job})
	must(body, nil, err)
	cancel, err := http.NewRequestWithContext(ctx, http.MethodPost, address+"/proc/jobs/cancel", bytes.NewReader(body))
	must(cancel, nil, err)
	cancel.Header.Set("api_key", token)
	answer, err := configuration.HTTPClient.Do(cancel)
	cancelled := json.RawMessage(bytesOf(must(answer, nil, err)))
	say("cancel", cancelled)
	say("status", status(job))
	deleted, response, err := process.DeleteJob(ctx, job).DeleteJobRequest(*edge.NewDeleteJobRequest()).Execute()
	say("delete", map[string]any{"status": response.StatusCode, "body": must(deleted, nil, err)})
	_, response, err = process.GetJobDetail(ctx, job).Execute()
	refusal := err.(*edge.GenericOpenAPIError).Model().(edge.Error)
	say("absent", map[string]any{"status": response.StatusCode, "id": refusal.GetId()})

	output := must(process.GetJobOutputs(ctx, done).Execute()).Outputs.Outputs[0]
	say("outputs", output.GetSize())
	say("output", len(must(process.GetJobOutput(ctx, done, output.GetName()).Execute()).Output.GetContents()))
	_, response, _ = process.GetJobDownload(ctx, done, output.GetName()).Execute()
	say("download", len(bytesOf(response)))
	say("engines", must(engines.GetEngines(ctx).Limit(1000).Execute()).GetCount() > 5)
	say("schedules", must(process.GetScheduledJobs(ctx).Execute()).GetCount())

	standard := must(engines.GetEngineTemplate(ctx, sentiment, "standard").Execute()).Templates[0]
	own := edge.EngineTemplate{Template: standard.Template}
	say("template", must(engines.UpsertEngineTemplate(ctx, sentiment, "own").EngineTemplate(own).Execute()).GetTemplateName())
	file, err := os.Open(os.Getenv("ENGINEHOUSE_FILE"))
	upload := engines.CreateJobForEngine(ctx, sentiment).FileName(must(file, nil, err))
	say("upload", must(upload.ContentType("text/plain").TemplateName("own").Execute()).GetInternalJobId())
}
