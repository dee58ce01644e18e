/**
 * Reads ids and event types from where a provider says they are. What is found came from outside: it is text of
 * bounded length without control characters, or nothing.
 */
import { createHash, hash } from 'node:crypto';
import { elementsAt, elementsMax, textAt } from './body-path.ts';
import type { RawRequest, WebhookView } from './contract.ts';
import type { Locator, Place, Provider } from './provider.ts';

/** Longer ids are kept as their SHA-256: still the same for the same id, and an index entry stays small. */
const keyLengthMax = 200;
/** Types are shown in lists; the longest seen in the wild is under 80. */
const typeLengthMax = 120;

/** Types of one batch that are told: more would be no name but a list. */
const typesOfBatchMax = 3;

type Searched = {
  readonly view: Pick<WebhookView, 'headers' | 'query' | 'body'>;
  readonly request: Pick<RawRequest, 'target' | 'body'>;
  /** Where the elements of a batch stand. */
  readonly batch: string;
};

type Asked = Pick<Provider, 'deliveryId' | 'eventType' | 'typeOf' | 'batch'>;

/** null: this webhook has no id of its own. */
export function locateKey(provider: Asked, view: WebhookView, request: RawRequest): string | null {
  const key = locate(provider.deliveryId, { view, request, batch: provider.batch ?? '' });
  return key !== null && key.length > keyLengthMax ? `sha256:${hash('sha256', key, 'hex')}` : key;
}

export function locateType(provider: Asked, view: WebhookView, request: RawRequest): string | null {
  const type = provider.typeOf?.(view) ?? locate(provider.eventType, { view, request, batch: provider.batch ?? '' });
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what must not reach a terminal
  return type === null ? null : type.slice(0, typeLengthMax).replace(/[\u0000-\u001f\u007f-\u009f]/g, ' ');
}

function locate(locator: Locator, searched: Searched): string | null {
  for (const places of locator) {
    const item = places.find((place) => 'item' in place);
    const found = item ? readItems(places, item.of ?? searched.batch, searched) : readAll(places, searched);
    if (found !== null) return found;
  }
  return null;
}

/** The same places in each element of the batch: a batch of one type has that type. */
function readItems(places: readonly Place[], batch: string, searched: Searched): string | null {
  const found = new Set<string>();
  for (const element of elementsAt(searched.view.body, batch)) {
    const text = readAll(places, searched, element);
    if (text !== null) found.add(text);
    if (found.size > typesOfBatchMax) break;
  }
  const types = [...found].sort();
  if (types.length === 0) return null;
  return types.length > typesOfBatchMax ? 'several types' : types.join(', ');
}

function readAll(places: readonly Place[], searched: Searched, element?: unknown): string | null {
  let joined = '';
  for (const place of places) {
    const text = read(place, searched, element);
    if (text !== null) joined = joined === '' ? text : `${joined}.${text}`;
    else if (!place.optional) return null;
  }
  return joined === '' ? null : joined;
}

function read(place: Place, { view, request, batch }: Searched, element: unknown): string | null {
  if ('header' in place) {
    if (place.with !== undefined && view.headers[place.with] === undefined) return null;
    return view.headers[place.header] || null;
  }
  if ('content' in place) return contentKey(request);
  if ('each' in place) return keyOfElements(elementsAt(view.body, batch), place.each);
  if ('query' in place) return textAt(view.query, place.query);
  return 'item' in place ? textAt(element, place.item) : textAt(view.body, place.body);
}

function keyOfElements(elements: readonly unknown[], paths: readonly string[]): string | null {
  // At the bound there may be more of them, and two long batches would look alike.
  if (elements.length === 0 || elements.length >= elementsMax) return null;
  const digest = createHash('sha256');
  for (const element of elements) {
    const texts = paths.map((path) => textAt(element, path));
    if (texts[0] === null) return null;
    digest.update(JSON.stringify(texts));
  }
  return `sha256:${digest.digest('hex')}`;
}

/** The path is left out: it may hold the key that proves the sender, which may change. */
function contentKey({ target, body }: Pick<RawRequest, 'target' | 'body'>): string {
  const at = target.indexOf('?');
  const digest = createHash('sha256').update(at === -1 ? '' : target.slice(at));
  return `sha256:${digest.update('\0').update(body).digest('hex')}`;
}
