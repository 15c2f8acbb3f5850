// A certified OpenID Connect provider on a free port. Whoever signs in at it names the account; addresses ending in
// "@unverified.example" are not verified.
import { Provider } from 'oidc-provider';

const { REDIRECT_URI: redirectUri, AFTER_SIGN_OUT: afterSignOut } = process.env;
const server = (await import('node:http')).createServer();
await new Promise((ready) => server.listen(0, '127.0.0.1', ready));
const issuer = `http://127.0.0.1:${server.address().port}`;
const provider = new Provider(issuer, {
  clients: [{
    client_id: 'cockpit',
    client_secret: 'secret of the tests',
    redirect_uris: [redirectUri],
    post_logout_redirect_uris: [afterSignOut],
  }],
  claims: { openid: ['sub'], email: ['email', 'email_verified'] },
  findAccount: (_context, id) => ({
    accountId: id,
    claims: () => ({ sub: id, email: id.includes('@') ? id : `${id}@city.example`, email_verified: !id.endsWith('@unverified.example') }),
  }),
  cookies: { keys: ['of the tests'] },
});
server.on('request', provider.callback());
process.stdout.write(`${issuer}\n`);
