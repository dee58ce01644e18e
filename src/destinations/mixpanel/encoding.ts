/**
 * A batch as the body of a request: a JSON array, or a form whose `data` is one. The project token is put in here, when it is
 * sent, and nowhere else: into an event's properties as `token`, into an update as `$token`.
 */
import type { LeasedEvent } from '../../model.ts';

type Sent = Pick<LeasedEvent, 'json' | 'update'>;

export type Encoding = {
  readonly contentType: string;
  body(events: readonly Sent[]): string;
  sizeOf(event: Sent): number;
};

export function encodingOf(format: 'json' | 'form', token: string): Encoding {
  return format === 'form' ? formEncoding(token) : jsonEncoding(token);
}

/** An event's `json` ends in `}}`, an update's in `}`, and neither is empty, so that the token goes in with a comma before them. */
function jsonEncoding(token: string): Encoding {
  const member = JSON.stringify(token);
  const eventTail = `,"token":${member}}}`;
  const updateTail = `,"$token":${member}}`;
  const eventBytes = Buffer.byteLength(eventTail) - 2;
  const updateBytes = Buffer.byteLength(updateTail) - 1;
  return {
    contentType: 'application/json',
    body(events) {
      let body = '[';
      for (const { json, update } of events) {
        if (body.length > 1) body += ',';
        body += update ? json.slice(0, -1) + updateTail : json.slice(0, -2) + eventTail;
      }
      return `${body}]`;
    },
    // One more for its comma or bracket.
    sizeOf: ({ json, update }) => Buffer.byteLength(json) + (update ? updateBytes : eventBytes) + 1,
  };
}

/**
 * For `/import`, which knows the project by its credentials. Without a user's address Mixpanel would look up the relay's: "0" says
 * not to. In place of the token it takes no more room, and adds no property to those an event may have.
 */
export function importBody(events: readonly Sent[]): string {
  return `[${events.map(({ json }) => (hasAddress(json) ? json : `${json.slice(0, -2)},"ip":"0"}}`)).join(',')}]`;
}

/** The text may stand elsewhere in it too, in a name or value; most events have none. */
function hasAddress(json: string): boolean {
  if (!json.includes('"ip":')) return false;
  const { properties } = JSON.parse(json) as { properties: object };
  return Object.hasOwn(properties, 'ip');
}

function formEncoding(token: string): Encoding {
  const json = jsonEncoding(token);
  // Of an update it is a `$` more, which is three characters.
  const tailBytes = encodeURIComponent(`,"$token":${JSON.stringify(token)}`).length;
  return {
    contentType: 'application/x-www-form-urlencoded',
    // encodeURIComponent leaves nothing that a form reads differently: + and % are encoded, a space is %20.
    body: (events) => `data=${encodeURIComponent(json.body(events))}`,
    sizeOf: (event) => encodeURIComponent(event.json).length + tailBytes + 3,
  };
}
