import { describe, expect, it } from 'vitest';
import { createVerifier } from '../../src/verify/verifier.ts';
import { requestOf, sourceOf } from '../support/verify-fixtures.ts';

const options = { publicUrl: null };
const slack = createVerifier(sourceOf('slack'), options);
const form = { 'content-type': 'application/x-www-form-urlencoded' };
const json = { 'content-type': 'application/json' };
const identify = (verifier: typeof slack, body: unknown, headers: Record<string, string> = json) =>
  verifier.identify({ method: 'POST', headers, query: {}, body }, requestOf('', headers));

describe("Slack's certificate check", () => {
  it('is answered with an empty 200, unsigned', () => {
    expect(slack.handshakeUnsigned(requestOf('ssl_check=1&token=abc', form))).toEqual({
      status: 200,
      headers: {},
      body: '',
    });
  });

  it.each([
    ['of another value', requestOf('ssl_check=0', form)],
    ['in another field', requestOf('text=ssl_check%3D1', form)],
    ['that is JSON', requestOf('{"ssl_check":"1"}', json)],
    ['without a content type', requestOf('ssl_check=1')],
    ['that is long', requestOf(`ssl_check=1&text=${'x'.repeat(1024)}`, form)],
    ['by another method', requestOf('ssl_check=1', form, { method: 'PUT' })],
  ])('%s is none', (_, request) => {
    expect(slack.handshakeUnsigned(request)).toBeNull();
  });

  it('means nothing to another provider', () => {
    const github = createVerifier(sourceOf('github'), options);
    expect(github.handshakeUnsigned(requestOf('ssl_check=1', form))).toBeNull();
  });
});

describe("Slack's URL verification", () => {
  it('is answered with its challenge as plain text', () => {
    expect(identify(slack, { type: 'url_verification', challenge: '<b>3eZb</b>', token: 'x' }).handshake).toEqual({
      status: 200,
      headers: { 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff' },
      body: '<b>3eZb</b>',
    });
  });

  it.each([
    [{ type: 'url_verification' }],
    [{ type: 'url_verification', challenge: 17 }],
    [{ type: 'url_verification', challenge: 'x'.repeat(1025) }],
    [{ type: 'event_callback', challenge: 'x' }],
    [null],
    [[]],
    ['url_verification'],
  ])('%j is none', (body) => {
    expect(identify(slack, body).handshake).toBeNull();
  });

  it('means nothing to another provider', () => {
    const stripe = createVerifier(sourceOf('stripe'), options);
    expect(identify(stripe, { type: 'url_verification', challenge: 'x' }).handshake).toBeNull();
  });
});

it('what a person triggered in Slack is answered with nothing, so that Slack says nothing; events get our own answer', () => {
  expect(identify(slack, { command: '/x' }, form).answer).toEqual({ status: 200, headers: {}, body: '' });
  expect(identify(slack, { event_id: 'Ev1' }).answer).toBeNull();
});

it("GitHub's ping is an ordinary webhook", () => {
  const github = createVerifier(sourceOf('github'), options);
  const headers = { 'x-github-event': 'ping', 'x-github-delivery': '72d3162e' };
  expect(identify(github, { zen: 'x' }, headers)).toEqual({
    key: '72d3162e',
    type: 'ping',
    handshake: null,
    answer: null,
  });
});
