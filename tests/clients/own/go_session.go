// A client that openapi-generator has generated from our own description lists the jobs.
package main

import (
	"context"
	"encoding/json"
	"log"
	"os"

	edge "github.com/GIT_USER_ID/GIT_REPO_ID"
)

func main() {
	configuration := edge.NewConfiguration()
	configuration.Servers = edge.ServerConfigurations{{URL: os.Getenv("ENGINEHOUSE_URL") + os.Getenv("ENGINEHOUSE_BASE")}}
	ctx := context.WithValue(context.Background(), edge.ContextAccessToken, os.Getenv("ENGINEHOUSE_TOKEN"))
	page, _, err := edge.NewAPIClient(configuration).JobsAPI.JobsListJobs(ctx).Limit(1000).Execute()
	if err != nil {
		log.Fatal(err)
	}
	jobs := []string{}
	for _, one := range page.Result {
		jobs = append(jobs, one.GetInternalJobID())
	}
	if err := json.NewEncoder(os.Stdout).Encode(map[string]any{"name": "list", "result": jobs}); err != nil {
		log.Fatal(err)
	}
}
