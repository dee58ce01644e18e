/** Which URLs a provider's requests may make us open: only what its own list names, whatever a request says. */
import type { Provider } from './provider.ts';

/** https on its own port, without credentials, and host, path and query as the list has them. */
export function reachable({ reaches = [] }: Pick<Provider, 'reaches'>, text: string): boolean {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null) return false;
  // What the parser had to mend (a backslash, a tab, an upper-case host), and whatever else a URL may hold (a port, a user,
  // a fragment, a query without anything in it) is not what anybody honest sends.
  if (text !== `https://${url.hostname}${url.pathname}${url.search}`) return false;
  return reaches.some(({ host, path }) => host.test(url.hostname) && path.test(url.pathname + url.search));
}
