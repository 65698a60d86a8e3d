// A real provider of OpenID Connect on a free port of this machine, with two people in it.
// node provider.mjs REDIRECT: says where it is as one line of JSON, and serves until it is ended.

import { once } from 'node:events';
import { createServer } from 'node:http';
import Provider from 'oidc-provider';

const PEOPLE = {
  ann: { preferred_username: 'Ann@example.org', name: 'Ann Lee', groups: ['team-ops', 'everybody'] },
  bob: { preferred_username: 'bob', name: 'Bob', groups: ['everybody'] },
};
const client = { client_id: 'bastide', client_secret: 'a secret: of 100 %' };

const [redirect] = process.argv.slice(2);
const server = createServer().listen(0, '127.0.0.1');
await once(server, 'listening');
const issuer = `http://127.0.0.1:${server.address().port}`;
const provider = new Provider(issuer, {
  clients: [{ ...client, redirect_uris: [redirect], grant_types: ['authorization_code'] }],
  // As the specification has it, claims of scopes are told at the endpoint for them and not in the token.
  claims: { profile: ['preferred_username', 'name'], groups: ['groups'] },
  cookies: { keys: ['of a test'] },
  findAccount: (_, login) =>
    PEOPLE[login] && {
      accountId: login,
      claims: async () => ({ sub: login, ...PEOPLE[login] }),
    },
});
server.on('request', provider.callback());
process.stdout.write(`${JSON.stringify({ issuer, ...client })}\n`);
