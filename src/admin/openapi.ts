/** The table of endpoints as an OpenAPI 3.1 document. */
import { z } from 'zod';
import { version } from '../version.ts';
import type { Endpoint } from './endpoint.ts';
import { endpointIds, endpointOf } from './endpoints.ts';
import { type AdminProblem, adminProblems } from './problems.ts';
import { components } from './schemas/words.ts';

type Json = Readonly<Record<string, unknown>>;

export function openApi(): Json {
  const paths: Record<string, Record<string, Json>> = {};
  for (const id of endpointIds) {
    const endpoint = endpointOf(id);
    paths[endpoint.path] ??= {};
    (paths[endpoint.path] as Record<string, Json>)[endpoint.method] = operation(id, endpoint);
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'trackrelay, private listener',
      version,
      description:
        'What the relay holds and how it is. Lists come in pages: `after` is the `next` of the page before. Secrets that are known are masked in every answer.',
    },
    servers: [{ url: '/' }],
    security: [{ token: [] }],
    paths,
    components: {
      schemas: componentSchemas(),
      responses: {
        Problem: {
          description: 'A refusal, or a failure of the relay.',
          content: content('application/problem+json', ref('Problem')),
        },
      },
      securitySchemes: {
        token: {
          type: 'http',
          scheme: 'bearer',
          description:
            'RELAY_ADMIN_TOKEN; RELAY_ADMIN_READ_TOKEN for what does not say `x-token: full`. None when neither is set, which is only possible on loopback.',
        },
      },
    },
  };
}

function operation(id: string, endpoint: Endpoint): Json {
  const { summary, access, body } = endpoint;
  const parameters = [...parametersOf(endpoint.params, 'path'), ...parametersOf(endpoint.query, 'query')];
  return {
    operationId: id,
    summary,
    ...(access === 'anybody' ? { security: [] } : {}),
    ...(access === 'operator' ? { 'x-token': 'full' } : {}),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined
      ? {}
      : { requestBody: { required: true, content: content('application/json', schemaOf(body)) } }),
    responses: responses(endpoint),
  };
}

function responses({ answers, problems = [] }: Endpoint): Json {
  const found: Record<string, Json> = {};
  for (const [status, { means, schema, type }] of Object.entries(answers)) {
    if (schema) found[status] = { description: means, content: content(type ?? 'application/json', schemaOf(schema)) };
    else if (type) found[status] = { description: means, content: content(type, { type: 'string' }) };
    else found[status] = { description: means };
  }
  const refusals = Map.groupBy(problems, (code: AdminProblem) => adminProblems[code].status);
  for (const [status, codes] of refusals) {
    const means = codes.map((code) => `\`${code}\`: ${adminProblems[code].title}`).join('; ');
    found[status] = { description: means, content: content('application/problem+json', ref('Problem')) };
  }
  return { ...found, default: { $ref: '#/components/responses/Problem' } };
}

function parametersOf(schema: Endpoint['query'], place: 'path' | 'query'): readonly Json[] {
  if (schema === undefined || schema === 'any') return [];
  return Object.entries(schema.shape).map(([name, field]) => {
    const type = field as z.ZodType;
    // What is asked for, not the text it comes as: a number, not digits.
    const { $schema: _, description, ...shape } = z.toJSONSchema(type, { io: 'output' });
    return {
      ...{ name, in: place, required: place === 'path' || !type.safeParse(undefined).success },
      ...(description === undefined ? {} : { description }),
      // A list stands in one field, with commas.
      ...(shape.type === 'array' ? { style: 'form', explode: false } : {}),
      schema: shape,
    };
  });
}

function schemaOf(schema: z.ZodType): Json {
  const id = components.get(schema)?.id;
  if (id === undefined) throw new Error('a schema of the API has no name');
  return ref(id);
}

function componentSchemas(): Json {
  const { schemas } = z.toJSONSchema(components, { io: 'input', uri: (id) => `#/components/schemas/${id}` });
  return Object.fromEntries(
    Object.entries(schemas).map(([id, { $schema: _schema, $id: _id, ...schema }]) => [id, schema]),
  );
}

function ref(id: string): Json {
  return { $ref: `#/components/schemas/${id}` };
}

function content(type: string, schema: Json): Json {
  return { [type]: { schema } };
}
