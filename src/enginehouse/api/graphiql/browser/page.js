"use strict";

// The token stays in this tab: sessionStorage is gone when the tab is closed, and no other tab or site reads it.
const TOKEN = "enginehouse.token";
const ADDRESS = "graphql";
const EXAMPLE = `# Sends GraphQL requests to this server. Ctrl-Space completes, Ctrl-Enter sends.
{
  jobs(limit: 10) {
    records {
      id
      name
      status
      createdDateTime
    }
  }
}
`;

const form = document.getElementById("sign-in");
const field = document.getElementById("token");
const caller = document.getElementById("caller");
const root = ReactDOM.createRoot(document.getElementById("graphiql"));

function fetcherWith(token) {
  return async (request, options) => {
    const headers = { "Content-Type": "application/json", Authorization: `Bearer ${token}`, ...(options?.headers ?? {}) };
    const response = await fetch(ADDRESS, {
      method: "POST",
      headers,
      body: JSON.stringify(request),
      credentials: "omit",
    });
    const text = await response.text();
    try {
      return JSON.parse(text);
    } catch {
      return { errors: [{ message: `HTTP ${response.status}: ${text.slice(0, 500)}` }] };
    }
  };
}

function say(text, wrong) {
  caller.textContent = text;
  caller.toggleAttribute("data-wrong", Boolean(wrong));
}

function show(token) {
  root.render(
    React.createElement(GraphiQL, {
      fetcher: fetcherWith(token),
      // Without a token the schema is not read.
      schema: token ? undefined : null,
      defaultQuery: EXAMPLE,
      // Queries and their variables stay in the tab as well.
      storage: sessionStorage,
    }),
  );
}

async function sayWhoCalls(token) {
  if (!token) {
    say("Give a token: the first one is in the file “token” of the server's data folder.");
    return;
  }
  try {
    const answer = await fetcherWith(token)({ query: "{ me { name organization { name } } }" });
    const me = answer.data?.me;
    if (me) {
      say(me.organization ? `${me.name} of ${me.organization.name}` : me.name);
    } else {
      say(answer.errors?.[0]?.message ?? "The server did not say who the token belongs to.", true);
    }
  } catch (error) {
    say(`The server cannot be reached: ${error.message}`, true);
  }
}

function use(token) {
  if (token) {
    sessionStorage.setItem(TOKEN, token);
  } else {
    sessionStorage.removeItem(TOKEN);
  }
  field.value = "";
  field.placeholder = token ? "another token" : "an API key or a session token";
  show(token);
  sayWhoCalls(token);
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (field.value.trim()) {
    use(field.value.trim());
  }
});
document.getElementById("forget").addEventListener("click", () => use(""));
use(sessionStorage.getItem(TOKEN) ?? "");
