import type { Express } from 'express';
import { describe, expect, it } from 'vitest';
import { createAdminApp } from '../../src/admin/admin-app.ts';
import { endpointIds, endpointOf } from '../../src/admin/endpoints.ts';
import { openApi } from '../../src/admin/openapi.ts';
import { admin, adminDeps } from '../support/admin-fixtures.ts';

type Operation = {
  operationId: string;
  summary: string;
  parameters?: { name: string; in: string; required: boolean; schema: object }[];
  requestBody?: object;
  responses: Record<string, { description?: string; $ref?: string }>;
  security?: unknown[];
};
type Document = {
  openapi: string;
  paths: Record<string, Record<string, Operation>>;
  components: Record<string, Record<string, unknown>>;
};
const document = openApi() as unknown as Document;
const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
);

/** As Express has them mounted; 405 for the rest is no route of its own. */
function mounted(app: Express): string[] {
  type Layer = { route?: { path: string; stack: { method?: string }[] } };
  const layers = (app.router as unknown as { stack: Layer[] }).stack;
  return layers.flatMap(({ route }) => {
    if (route === undefined) return [];
    const path = route.path.replaceAll(/:(\w+)/g, '{$1}');
    return route.stack.flatMap(({ method }) => (method === undefined ? [] : [`${method} ${path}`]));
  });
}

describe('the document', () => {
  it('has every route that is mounted, and none that is not', () => {
    const documented = operations.map(({ path, method }) => `${method} ${path}`);
    expect(mounted(createAdminApp(adminDeps().deps)).sort()).toEqual(documented.sort());
    expect(documented).toHaveLength(endpointIds.length);
  });

  it('is answered as it is, without hurt by the mask', async () => {
    const { deps } = adminDeps();
    deps.mask.hide(['string', 'operationId', 'object']);
    const answer = await admin({ mask: deps.mask }).ask.get('/api/openapi.json');
    expect(answer.body).toEqual(JSON.parse(JSON.stringify(document)));
    expect(answer.body.openapi).toMatch(/^3\.1\./);
  });

  it('refers only to what is there', () => {
    const refs = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map((match) => match[1] as string);
    const missing = refs.filter((ref) => {
      const parts = ref.replace(/^#\//, '').split('/');
      const found = parts.reduce<unknown>((at, part) => (at as Record<string, unknown> | undefined)?.[part], document);
      return !ref.startsWith('#/') || found === undefined;
    });
    expect(refs.length).toBeGreaterThan(20);
    expect(missing).toEqual([]);
  });

  it('has no schema that nobody refers to', () => {
    const text = JSON.stringify(document);
    const names = Object.keys(document.components.schemas ?? {});
    expect(names.filter((name) => !text.includes(`"#/components/schemas/${name}"`))).toEqual([]);
  });

  it('names each operation once, in words', () => {
    const ids = operations.map(({ operation }) => operation.operationId);
    expect(new Set(ids).size).toBe(ids.length);
    for (const { operation } of operations) expect(operation.summary).toMatch(/^[A-Z].+[^.]$/);
  });

  it('has a parameter for each name in a path, and describes every answer', () => {
    for (const { path, operation } of operations) {
      const names = [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]);
      const inPath = (operation.parameters ?? []).filter((one) => one.in === 'path');
      expect(inPath.map(({ name }) => name)).toEqual(names);
      expect(inPath.every(({ required }) => required)).toBe(true);
      for (const answer of Object.values(operation.responses)) expect(answer.description ?? answer.$ref).toBeTruthy();
      expect(operation.responses.default).toBeDefined();
    }
  });

  it('is plain JSON Schema of 2020-12 inside, without keywords of older drafts', () => {
    const text = JSON.stringify(document);
    for (const keyword of ['"nullable"', '"definitions"', '"$defs"', '"$id"', '"$schema"', '"undefined"']) {
      expect(text).not.toContain(keyword);
    }
  });

  it('asks for a body where there is one, and for no token where none is needed', () => {
    for (const { operation } of operations) {
      const endpoint = endpointOf(operation.operationId as (typeof endpointIds)[number]);
      expect(operation.requestBody !== undefined).toBe(endpoint.body !== undefined);
      expect(operation.security).toEqual(endpoint.access === 'anybody' ? [] : undefined);
    }
  });

  it('says of whatever may change something that it takes the full token', () => {
    for (const id of endpointIds) {
      const { method, access } = endpointOf(id);
      if (method === 'delete') expect(access).toBe('operator');
      if (access === 'operator') expect(method).not.toBe('get');
    }
  });
});
