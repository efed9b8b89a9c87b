// An identity provider for tests: node provider.mjs REDIRECT_URL. It prints its issuer, and signs in without asking
// whoever was last given to POST /person, a JSON object of claims; null is a person who refuses. POST /redirect
// replaces the address to which it sends people back.
import http from "node:http";
import Provider from "oidc-provider";

let person = null;
let respond = null;
const server = http.createServer((request, response) => answer(request, response));
await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
const issuer = `http://127.0.0.1:${server.address().port}`;
const scopes = {openid: ["sub"], email: ["email", "email_verified"], profile: ["name", "groups"]};
const start = (back) => new Provider(issuer, {
  clients: [{
    client_id: "enginehouse", client_secret: "a secret with : and %", redirect_uris: [back],
    response_types: ["code"], grant_types: ["authorization_code"],
  }],
  claims: scopes,
  pkce: {required: () => true},
  features: {devInteractions: {enabled: false}},
  interactions: {url: (_, interaction) => `/interaction/${interaction.uid}`},
  cookies: {keys: ["test"]},
  findAccount: (_, id) => ({accountId: id, claims: () => ({...JSON.parse(Buffer.from(id, "hex")), sub: id})}),
  loadExistingGrant: async (context) => {
    const grant = new context.oidc.provider.Grant({
      clientId: context.oidc.client.clientId, accountId: context.oidc.session.accountId,
    });
    grant.addOIDCScope(Object.keys(scopes).join(" "));
    await grant.save();
    return grant;
  },
});
let provider = start(process.argv[2]);
respond = provider.callback();

async function answer(request, response) {
  if (request.url === "/person") {
    person = JSON.parse(await text(request));
    response.end();
  } else if (request.url === "/redirect") {
    provider = start(await text(request));
    respond = provider.callback();
    response.end();
  } else if (request.url.startsWith("/interaction/")) {
    await provider.interactionFinished(request, response, person === null
      ? {error: "access_denied", error_description: "The person has refused."}
      : {login: {accountId: Buffer.from(JSON.stringify(person)).toString("hex"), remember: false}});
  } else {
    await respond(request, response);
  }
}

async function text(request) {
  let body = "";
  for await (const part of request) body += part;
  return body;
}
console.log(issuer);
