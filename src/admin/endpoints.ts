/** Every endpoint of the private port. */
import type { Endpoint } from './endpoint.ts';
import {
  deadLetterPage,
  deadLettersQuery,
  deliveriesQuery,
  deliveryPage,
  sandboxPage,
  wholeDeadLetter,
  wholeDelivery,
} from './schemas/deliveries.ts';
import { armed, arming, forgotten, health, sourcePage, sourceParams } from './schemas/health.ts';
import { PREVIEW_BYTES_MAX, preview, previewBody, previewError } from './schemas/preview.ts';
import { refusedItem, refusedPage, refusedQuery, refusedVerdict } from './schemas/refused.ts';
import { dryRun, replay, replayBody, replayPage, replayStarted } from './schemas/replays.ts';
import { feedQuery, idParams, openApiDocument, pageQuery } from './schemas/words.ts';

export const endpoints = {
  alive: {
    ...{ method: 'get', path: '/livez', access: 'anybody', query: 'any' },
    summary: 'Whether the relay turns',
    answers: { 200: { means: 'It does.', type: 'text/plain' } },
  },
  ready: {
    ...{ method: 'get', path: '/readyz', access: 'anybody', query: 'any' },
    summary: 'Whether webhooks can be accepted',
    answers: {
      200: { means: 'They can.', type: 'text/plain' },
      503: { means: 'They cannot now.', type: 'text/plain' },
    },
  },
  page: {
    ...{ method: 'get', path: '/', access: 'reader', query: 'any' },
    summary: 'A page that says how the relay is',
    answers: { 200: { means: 'The page.', type: 'text/html' } },
  },
  health: {
    ...{ method: 'get', path: '/health', access: 'reader' },
    summary: 'How the relay, its sources and its destinations are',
    answers: {
      200: { means: 'Webhooks are accepted (pass or warn).', schema: health, type: 'application/health+json' },
      503: { means: 'Webhooks cannot be accepted (fail).', schema: health, type: 'application/health+json' },
    },
  },
  metrics: {
    ...{ method: 'get', path: '/metrics', access: 'reader', query: 'any' },
    summary: 'Metrics for Prometheus',
    answers: { 200: { means: 'The metrics.', type: 'text/plain' } },
  },
  openapi: {
    ...{ method: 'get', path: '/api/openapi.json', access: 'reader' },
    summary: 'This API as an OpenAPI 3.1 document',
    answers: { 200: { means: 'The document.', schema: openApiDocument } },
  },
  sources: {
    ...{ method: 'get', path: '/api/sources', access: 'reader' },
    summary: 'The sources: where each is to be registered, how it is, its counts',
    answers: { 200: { means: 'All of them, by name.', schema: sourcePage } },
  },
  arm: {
    ...{ method: 'post', path: '/api/sources/{source}/arm', access: 'operator', params: sourceParams },
    summary: 'Let a source take the secret of a handshake for ten minutes',
    answers: { 200: { means: 'It is armed.', schema: armed } },
    problems: ['not_found', 'cannot_learn', 'has_secret'],
  },
  arming: {
    ...{ method: 'get', path: '/api/sources/{source}/arm', access: 'reader', params: sourceParams },
    summary: 'Whether a source is armed, or has learned its secret',
    answers: { 200: { means: 'How it stands.', schema: arming } },
    problems: ['not_found'],
  },
  forgetSecret: {
    ...{ method: 'delete', path: '/api/sources/{source}/secret', access: 'operator', params: sourceParams },
    summary: 'Drop the secret that a source has learned',
    answers: { 200: { means: 'It has none now.', schema: forgotten } },
    problems: ['not_found'],
  },
  preview: {
    ...{ method: 'post', path: '/api/sources/{source}/preview', access: 'reader', params: sourceParams },
    ...{ body: previewBody, bodyBytesMax: PREVIEW_BYTES_MAX },
    summary: 'What a mapping would make of a delivery or a payload; nothing is changed',
    answers: {
      200: {
        means: 'The events as the destination would take them, and the rules that outputs break.',
        schema: preview,
      },
      422: { means: 'The mapping fails, and where.', schema: previewError, type: 'application/problem+json' },
    },
    problems: ['not_found', 'body_gone'],
  },
  deliveries: {
    ...{ method: 'get', path: '/api/deliveries', access: 'reader', query: deliveriesQuery },
    summary: 'Accepted webhooks, newest first',
    answers: { 200: { means: 'A page of them.', schema: deliveryPage } },
  },
  delivery: {
    ...{ method: 'get', path: '/api/deliveries/{id}', access: 'reader', params: idParams },
    summary: 'One delivery: headers, body, what it became, and the requests that went wrong',
    answers: { 200: { means: 'It.', schema: wholeDelivery } },
    problems: ['not_found'],
  },
  deadLetters: {
    ...{ method: 'get', path: '/api/dead-letters', access: 'reader', query: deadLettersQuery },
    summary: 'What will not be tried again by itself, newest first',
    answers: { 200: { means: 'A page of them.', schema: deadLetterPage } },
  },
  deadLetter: {
    ...{ method: 'get', path: '/api/dead-letters/{id}', access: 'reader', params: idParams },
    summary: 'One dead letter',
    answers: { 200: { means: 'It.', schema: wholeDeadLetter } },
    problems: ['not_found'],
  },
  replay: {
    ...{ method: 'post', path: '/api/replays', access: 'operator', body: replayBody },
    summary: 'Give deliveries or dead events a second chance, or see what that would do (`dry_run`)',
    answers: {
      200: { means: 'What it would do: how many, a sample before and after, and what to know.', schema: dryRun },
      202: { means: 'It is under way.', schema: replayStarted },
    },
    problems: ['too_many_replays'],
  },
  replays: {
    ...{ method: 'get', path: '/api/replays', access: 'reader', query: pageQuery },
    summary: 'Replays, newest first: what, how far, by whom',
    answers: { 200: { means: 'A page of them.', schema: replayPage } },
  },
  replayOne: {
    ...{ method: 'get', path: '/api/replays/{id}', access: 'reader', params: idParams },
    summary: 'One replay',
    answers: { 200: { means: 'It.', schema: replay } },
    problems: ['not_found'],
  },
  cancelReplay: {
    ...{ method: 'delete', path: '/api/replays/{id}', access: 'operator', params: idParams },
    summary: 'Cancel a replay; what it has queued goes on',
    answers: { 200: { means: 'It is cancelled.', schema: replay } },
    problems: ['not_found', 'replay_ended'],
  },
  refused: {
    ...{ method: 'get', path: '/api/refused', access: 'reader', query: refusedQuery },
    summary: 'The last refused requests, newest first, and why',
    answers: { 200: { means: 'A page of them.', schema: refusedPage } },
  },
  refusedOne: {
    ...{ method: 'get', path: '/api/refused/{id}', access: 'reader', params: idParams },
    summary: 'One refused request',
    answers: { 200: { means: 'It.', schema: refusedItem } },
    problems: ['not_found'],
  },
  verifyRefused: {
    ...{ method: 'post', path: '/api/refused/{id}/verify', access: 'reader', params: idParams },
    summary: 'Check a refused request again, as of when it came, by the configuration of now; it is not accepted',
    answers: { 200: { means: 'What came of it.', schema: refusedVerdict } },
    problems: ['not_found', 'body_cut'],
  },
  feed: {
    ...{ method: 'get', path: '/api/feed', access: 'reader', query: feedQuery },
    summary: 'What happens, as it happens: the lines of the log as server-sent events',
    answers: {
      200: {
        means:
          'One message for each line, its data the JSON of the line (`msg` is its name); `dropped` with the number of `lines` lost.',
        type: 'text/event-stream',
      },
    },
  },
  sandboxEvents: {
    ...{ method: 'get', path: '/api/sandbox/events', access: 'reader', query: pageQuery },
    summary: 'What the sandbox holds after de-duplication, newest first',
    answers: { 200: { means: 'A page of events.', schema: sandboxPage } },
    problems: ['not_found'],
  },
  sandboxProfiles: {
    ...{ method: 'get', path: '/api/sandbox/profiles', access: 'reader', query: pageQuery },
    summary: 'Profiles and groups of the sandbox after their updates, newest first',
    answers: { 200: { means: 'A page of profiles.', schema: sandboxPage } },
    problems: ['not_found'],
  },
  clearSandbox: {
    ...{ method: 'delete', path: '/api/sandbox/events', access: 'operator' },
    summary: 'Empty the sandbox',
    answers: { 204: { means: 'It is empty.' } },
    problems: ['not_found'],
  },
} as const satisfies Record<string, Endpoint>;

export type Endpoints = typeof endpoints;
export type EndpointId = keyof Endpoints;
export const endpointIds = Object.keys(endpoints) as readonly EndpointId[];

/** An endpoint, seen without its own types. */
export function endpointOf(id: EndpointId): Endpoint {
  return endpoints[id];
}

/** README's table. */
export function endpointsMarkdown(): string {
  const lines = endpointIds.map((id) => {
    const { method, path, summary, access } = endpointOf(id);
    const token = { anybody: 'none', reader: 'either', operator: 'full' }[access];
    return `| \`${method.toUpperCase()} ${path}\` | ${token} | ${summary} |`;
  });
  return ['| request | token | what |', '|---|---|---|', ...lines].join('\n');
}
