/** From the table of endpoints to routes: who may ask, what is asked, and the one way in which answers leave. */
import type { Express, Request, Response } from 'express';
import { checkRequest } from './checks.ts';
import type { Asked, Caller, Endpoint } from './endpoint.ts';
import { type EndpointId, type Endpoints, endpointIds, endpointOf } from './endpoints.ts';
import { ProblemError } from './problems.ts';

/** What a route answers; `nothing`: 204; `written`: it has done so itself. */
export type Reply =
  | { readonly json: unknown; readonly status?: number; readonly type?: string; readonly unmasked?: true }
  | { readonly text: string; readonly type: string; readonly status?: number; readonly retryAfter?: number }
  | { readonly nothing: true }
  | { readonly written: true };

export type Route<Id extends EndpointId> = (
  asked: Asked<Endpoints[Id]>,
  /** For what is no endpoint's everyday business: streams, whether a page of another site asks. */
  http: { readonly req: Request; readonly res: Response },
) => Promise<Reply> | Reply;

/** A route for every endpoint. */
export type Routes = { readonly [Id in EndpointId]: Route<Id> };

/** Mounts those endpoints that `chosen` takes. Other methods of a path that exists are 405, not 404. */
export function mount(
  app: Express,
  routes: Routes,
  options: { readonly chosen: (endpoint: Endpoint) => boolean; readonly jsonText: (body: unknown) => string },
): void {
  const here = endpointIds.filter((id) => options.chosen(endpointOf(id)));
  for (const [path, ids] of Map.groupBy(here, (id) => endpointOf(id).path)) {
    const route = app.route(path.replaceAll(/\{(\w+)\}/g, ':$1'));
    for (const id of ids) {
      const endpoint = endpointOf(id);
      const answer = routes[id] as (asked: unknown, http: { req: Request; res: Response }) => Promise<Reply>;
      route[endpoint.method](async (req, res) => {
        const caller = callerOf(res);
        if (endpoint.access === 'operator' && caller.access !== 'full') throw new ProblemError('read_only');
        const asked = { ...(await checkRequest(endpoint, req, res)), caller };
        send(res, await answer(asked, { req, res }), options.jsonText);
      });
    }
    const methods = ids.map((id) => endpointOf(id).method);
    const allow = methods.map((method) => (method === 'get' ? 'GET, HEAD' : method.toUpperCase())).join(', ');
    route.all((_req, res) => {
      res.set('allow', allow);
      throw new ProblemError('method_not_allowed');
    });
  }
}

export function setCaller(res: Response, caller: Caller): void {
  res.locals.caller = caller;
}

/** Set by the guards; a probe has none and needs none. */
function callerOf(res: Response): Caller {
  return (res.locals.caller as Caller | undefined) ?? { access: 'read', by: 'anybody' };
}

function send(res: Response, reply: Reply, jsonText: (body: unknown) => string): void {
  if ('written' in reply) return;
  if ('nothing' in reply) {
    res.status(204).end();
    return;
  }
  res.status(reply.status ?? 200);
  if ('text' in reply) {
    if (reply.retryAfter !== undefined) res.set('retry-after', String(reply.retryAfter));
    res.type(reply.type).send(reply.text);
    return;
  }
  const body = reply.unmasked ? JSON.stringify(reply.json) : jsonText(reply.json);
  res.type(reply.type ?? 'application/json').send(body);
}
