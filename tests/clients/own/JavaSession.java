import java.util.Map;
import org.openapitools.client.ApiClient;
import org.openapitools.client.Configuration;
import org.openapitools.client.JSON;
import org.openapitools.client.api.JobsApi;
import org.openapitools.client.auth.HttpBearerAuth;

/** A client that openapi-generator has generated from our own description lists the jobs. */
public class JavaSession {
    public static void main(String[] arguments) throws Exception {
        Map<String, String> given = System.getenv();
        ApiClient client = Configuration.getDefaultApiClient();
        client.setBasePath(given.get("ENGINEHOUSE_URL") + given.get("ENGINEHOUSE_BASE"));
        ((HttpBearerAuth) client.getAuthentication("bearer")).setBearerToken(given.get("ENGINEHOUSE_TOKEN"));
        var page = new JobsApi().jobsListJobs().limit(1000).execute();
        var jobs = page.getResult().stream().map(one -> one.getInternalJobID()).toList();
        System.out.println(JSON.serialize(Map.of("name", "list", "result", jobs)));
        System.exit(0); // the threads of the HTTP client would keep the program for a minute
    }
}
