/** Providers that prove themselves with a token, made by `jose`, and two that only know a key in the path. */
import { createHash } from 'node:crypto';
import { type JWTPayload, SignJWT } from 'jose';
import { made, type Signers } from '../signed-vector.ts';

const now = 1_700_000_000;
const json = { 'content-type': 'application/json' };
const from = 'jose (npm) SignJWT';
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const sign = (claims: JWTPayload, secret: string) =>
  new SignJWT(claims).setProtectedHeader({ alg: 'HS256', typ: 'JWT' }).sign(new TextEncoder().encode(secret));

const mondayUrl = 'https://relay.example.com/hooks/monday';
const mondayBody =
  '{"event":{"type":"update_column_value","triggerUuid":"b5ed2e17c530f43668de130142445cba","triggerTime":"2023-11-14T22:13:20.000Z"}}';

async function monday(id: string, scheme: string) {
  const token = await sign({ accountId: 1825529, aud: mondayUrl, iat: now, exp: now + 300 }, 'signing-secret');
  return made(id, {
    from,
    secret: 'signing-secret',
    url: mondayUrl,
    now,
    headers: { ...json, authorization: scheme + token },
    body: mondayBody,
    body_unsigned: true,
    turned: true,
  });
}

async function netlify() {
  const body = '{"id":"5a32ff60a6188f5a1b2c3d4e","state":"ready","updated_at":"2023-11-14T22:13:20.000Z"}';
  const token = await sign({ iss: 'netlify', sha256: sha256(body) }, 'a jws secret');
  const headers = { ...json, 'x-netlify-event': 'deploy_created', 'x-webhook-signature': token };
  return made('netlify-deploy', { from, secret: 'a jws secret', headers, body });
}

const jiraUrl = 'https://relay.example.com/hooks/jira-connect';
const jiraBody = '{"timestamp":1700000000000,"webhookEvent":"jira:issue_created","issue":{"id":"10002"}}';

/** `canonical`: what Atlassian hashes of the request, written out by hand. */
async function jira(id: string, canonical: string, more: { query?: string; base_url?: string; inQuery?: boolean }) {
  const claims = { iss: 'client-key', iat: now, exp: now + 180, qsh: sha256(canonical) };
  const token = await sign(claims, 'shared-secret');
  const query = [more.query, ...(more.inQuery ? [`jwt=${token}`] : [])].filter((part) => part !== undefined).join('&');
  return made(id, {
    from,
    secret: 'shared-secret',
    url: jiraUrl,
    now,
    ...(query === '' ? {} : { query }),
    ...(more.base_url === undefined ? {} : { source: { base_url: more.base_url } }),
    headers: {
      ...json,
      'x-atlassian-webhook-identifier': `whk-${id}`,
      ...(more.inQuery ? {} : { authorization: `JWT ${token}` }),
    },
    body: jiraBody,
    body_unsigned: true,
    turned: true,
  });
}

const soap =
  '<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" ' +
  'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><soapenv:Body>' +
  '<notifications xmlns="http://soap.sforce.com/2005/09/outbound"><OrganizationId>00D24</OrganizationId>' +
  '<ActionId>04k08</ActionId><SessionId xsi:nil="true"/><Notification><Id>04l0800002nrC5BAAU</Id>' +
  '<sObject xsi:type="sf:Account" xmlns:sf="urn:sobject.enterprise.soap.sforce.com"><sf:Id>00108</sf:Id></sObject>' +
  '</Notification><Notification><Id>04l0800002nrC5CAAU</Id><sObject xsi:type="sf:Account" ' +
  'xmlns:sf="urn:sobject.enterprise.soap.sforce.com"><sf:Id>00109</sf:Id></sObject></Notification>' +
  '</notifications></soapenv:Body></soapenv:Envelope>';
const acknowledged =
  '<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/">' +
  '<soapenv:Body><notificationsResponse xmlns="http://soap.sforce.com/2005/09/outbound"><Ack>true</Ack>' +
  '</notificationsResponse></soapenv:Body></soapenv:Envelope>';

const key = { secret: 'a-long-random-text', path_key: 'a-long-random-text', body_unsigned: true } as const;
const azure = (id: string, kind: string, body: unknown, more: object = {}) =>
  made(id, { ...key, headers: { ...json, 'aeg-event-type': kind }, body: JSON.stringify(body), ...more });
const blob = {
  id: '831e1650',
  topic: '/t',
  eventType: 'Microsoft.Storage.BlobCreated',
  eventTime: '2023-11-14T22:13:20Z',
};
const validation = {
  id: '2d1781af',
  eventType: 'Microsoft.EventGrid.SubscriptionValidationEvent',
  data: { validationCode: '512d38b6-c7b8-40c8', validationUrl: 'https://rp-eastus2.eventgrid.azure.net/validate?id=1' },
};

export const signers: Signers = {
  monday: async () => [
    await monday('monday-plain-token', ''),
    await monday('monday-bearer-token', 'Bearer '),
    made('monday-challenge', {
      secret: 'signing-secret',
      url: mondayUrl,
      headers: json,
      body: '{"challenge":"3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P"}',
      handshake: true,
      status: 200,
      answer: '{"challenge":"3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P"}',
    }),
  ],
  netlify: async () => [await netlify()],
  'jira-connect': async () => [
    await jira('jira-connect-header', 'POST&/hooks/jira-connect&', {}),
    await jira('jira-connect-query', 'POST&/hooks/jira-connect&a%2Ab=%2B~&user_id=a%20b,zo%C3%AB', {
      query: 'user_id=zo%C3%AB&a*b=%2b~&user_id=a+b',
    }),
    await jira('jira-connect-jwt-in-query', 'POST&/hooks/jira-connect&user_id=admin', {
      query: 'user_id=admin',
      inQuery: true,
    }),
    await jira('jira-connect-base-url', 'POST&/jira-connect&', { base_url: 'https://relay.example.com/hooks' }),
    await jira('jira-connect-at-its-base', 'POST&/&', { base_url: jiraUrl }),
  ],
  'azure-event-grid': () => [
    azure('azure-blob', 'Notification', [blob, { ...blob, id: '831e1651' }]),
    azure('azure-cloud-event', 'Notification', { id: '1', source: '/s', type: 'order.paid', specversion: '1.0' }),
    azure('azure-validation', 'SubscriptionValidation', [validation], {
      handshake: true,
      status: 200,
      answer: '{"validationResponse":"512d38b6-c7b8-40c8"}',
    }),
    azure('azure-validation-without-the-key', 'SubscriptionValidation', [validation], {
      valid: false,
      path_key: 'another-text',
    }),
    made('azure-options', {
      ...key,
      method: 'OPTIONS',
      headers: { 'webhook-request-origin': 'eventgrid.azure.net', 'webhook-request-rate': '120' },
      body: '',
      handshake: true,
      status: 200,
      answer: '',
    }),
  ],
  salesforce: () => [
    made('salesforce-accounts', {
      ...key,
      headers: { 'content-type': 'text/xml; charset=utf-8', soapaction: '""' },
      body: soap,
      status: 200,
      answer: acknowledged,
    }),
  ],
};
