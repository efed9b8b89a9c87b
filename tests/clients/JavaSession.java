import java.io.File;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import okhttp3.MediaType;
import okhttp3.Request;
import okhttp3.RequestBody;
import okhttp3.Response;
import org.openapitools.client.ApiClient;
import org.openapitools.client.ApiException;
import org.openapitools.client.ApiResponse;
import org.openapitools.client.Configuration;
import org.openapitools.client.JSON;
import org.openapitools.client.api.EngineApi;
import org.openapitools.client.api.ProcessApi;
import org.openapitools.client.auth.ApiKeyAuth;
import org.openapitools.client.model.*;

/**
 * One session of a Java client that openapi-generator has generated. It prints each result as one line of JSON.
 *
 * <p>A response that is not as described raises where it is read: this client refuses a field that it does not know.
 */
public class JavaSession {
    static final ApiClient CLIENT = Configuration.getDefaultApiClient();
    static final ProcessApi PROCESS = new ProcessApi();
    static final EngineApi ENGINES = new EngineApi();

    static void say(String name, Object result) {
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("name", name);
        line.put("result", result);
        System.out.println(JSON.serialize(line));
    }

    static String status(UUID job) throws ApiException {
        return PROCESS.getJobStatus(job, null).getJob().getJobStatus().getValue();
    }

    public static void main(String[] arguments) throws Exception {
        Map<String, String> given = System.getenv();
        UUID done = UUID.fromString(given.get("ENGINEHOUSE_JOB"));
        String sentiment = given.get("ENGINEHOUSE_SENTIMENT");
        CLIENT.setBasePath(given.get("ENGINEHOUSE_URL") + "/edge/v1");
        ((ApiKeyAuth) CLIENT.getAuthentication("api_key")).setApiKey(given.get("ENGINEHOUSE_TOKEN"));

        CreateTaskDetail task = new CreateTaskDetail()
                .engineId(UUID.fromString(given.get("ENGINEHOUSE_ENGINE"))).taskPayloadJSON("{\"a\": 1}");
        UUID owner = PROCESS.getJobDetail(done, null).getJob().getInternalOrganizationID();
        CreateJobDetail wanted = new CreateJobDetail().internalOrganizationID(owner).addTasksItem(task);
        CreateJobRequest request = new CreateJobRequest().addJobsItem(wanted);
        UUID job = UUID.fromString(PROCESS.createJob(request, null).getInternalJobIds().get(0));
        say("create", job);
        say("status", status(job));
        JobDetail detail = PROCESS.getJobDetail(job, null).getJob();
        say("read", Map.of("id", detail.getInternalJobID(), "payload", detail.getTasks().get(0).getTaskPayloadJSON()));
        GetJobListResponse page = PROCESS.getJobs(null, null, null, JobStatusEnum.PENDING, null, 1L, null, null, null,
                null, null, null, null, null, null, null, null);
        say("list", page.getResult().stream().map(JobDetail::getInternalJobID).toList());
        GetTasksResponse tasks = PROCESS.getTasks(null, null, null, null, null, null, null, TaskStatusEnum.PENDING,
                null, null, null, null, job.toString(), null, null, null, null, null, null, null, null, null, null, null);
        say("tasks", tasks.getResult().stream()
                .map(one -> Map.of("job", one.getInternalJobID(), "status", one.getTaskStatus())).toList());

        Request cancel = new Request.Builder().url(CLIENT.getBasePath() + "/proc/jobs/cancel")
                .header("api_key", given.get("ENGINEHOUSE_TOKEN"))
                .post(RequestBody.create("{\"jobID\": \"" + job + "\"}", MediaType.get("application/json"))).build();
        try (Response cancelled = CLIENT.getHttpClient().newCall(cancel).execute()) {
            say("cancel", JSON.getGson().fromJson(cancelled.body().string(), com.google.gson.JsonElement.class));
        }
        say("status", status(job));
        ApiResponse<AdminOperationResponse> deleted = PROCESS.deleteJobWithHttpInfo(job, null, new DeleteJobRequest());
        say("delete", Map.of("status", deleted.getStatusCode(), "body", deleted.getData()));
        try {
            PROCESS.getJobDetail(job, null);
        } catch (ApiException refused) {
            say("absent", Map.of("status", refused.getCode(), "id",
                    JSON.<org.openapitools.client.model.Error>deserialize(
                            refused.getResponseBody(), org.openapitools.client.model.Error.class).getId()));
        }

        List<JobOutput> outputs = PROCESS.getJobOutputs(done, null).getOutputs().getOutputs();
        String name = outputs.get(0).getName();
        say("outputs", outputs.get(0).getSize());
        String contents = PROCESS.getJobOutput(done, name, null).getOutput().getContents();
        say("output", contents.getBytes(StandardCharsets.UTF_8).length);
        try (Response download = PROCESS.getJobDownloadCall(done, name, null, null).execute()) {
            say("download", download.body().bytes().length);
        }
        say("engines", ENGINES.getEngines(null, null, null, null, null, null, null, null, null, 1000L, null, null,
                null, null, null).getCount() > 5);
        say("schedules", PROCESS.getScheduledJobs(null, null, null, null, null, null, null, null, null, null, null,
                null, null, null, null, null, null, null, null).getCount());

        EngineTemplate standard = ENGINES.getEngineTemplate(sentiment, "standard", null).getTemplates().get(0);
        EngineTemplate own = new EngineTemplate().template(standard.getTemplate());
        say("template", ENGINES.upsertEngineTemplate(sentiment, "own", own, null).getTemplateName());
        File file = new File(given.get("ENGINEHOUSE_FILE"));
        say("upload", ENGINES.createJobForEngine(sentiment, null, "text/plain", file, null, null, "own")
                .getInternalJobId());
        System.exit(0); // the threads of the HTTP client would keep the program for a minute
    }
}
