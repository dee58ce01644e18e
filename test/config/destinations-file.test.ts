import { describe, expect, it } from 'vitest';
import { type DestinationConfig, readDestinations, secretsOfDestination } from '../../src/config/destinations-file.ts';
import { UsageError } from '../../src/errors.ts';

const mixpanel = {
  token: null,
  region: 'us',
  apiUrl: 'https://api.mixpanel.com',
  trackFormat: 'json',
  import: 'auto',
} as const;
const variables: Record<string, string> = {
  PRODUCT_TOKEN: 'tok_1',
  BR_URL: 'https://api.exponea.com/',
  BR_SECRET: 's3',
};

function read(text: string | null, token: string | null = null): readonly DestinationConfig[] {
  return readDestinations({
    settings: { mixpanel: { ...mixpanel, token } },
    text,
    file: 'M/destinations.yaml',
    lookup: (name) => variables[name],
  });
}

function problemsOf(text: string): readonly string[] {
  try {
    read(text);
  } catch (error) {
    if (error instanceof UsageError) return error.problems;
    throw error;
  }
  return [];
}

const whole = `destinations:
  product: { type: mixpanel, token: "\${PRODUCT_TOKEN}", region: eu, base_url: "\${OPTIONAL_URL}", import: always }
  crm:
    type: bloomreach
    base_url: "\${BR_URL}"
    project_token: p1
    api_key_id: k1
    api_secret: "\${BR_SECRET}"
    customer_ids: { distinct_id: cookie }
  play: { type: sandbox }
`;

describe('without the file', () => {
  it('the environment describes one destination', () => {
    expect(read(null, 'tok')).toEqual([
      {
        ...{ name: 'mixpanel', type: 'mixpanel', token: 'tok', baseUrl: 'https://api.mixpanel.com', format: 'json' },
        ...{ import: 'auto', identity: 'simplified', serviceAccount: null },
      },
    ]);
  });

  it('there is the sandbox when the environment has no token', () => {
    expect(read(null)).toEqual([{ name: 'mixpanel', type: 'sandbox' }]);
  });
});

describe('destinations.yaml', () => {
  it('names destinations of each type; an optional key whose variable is not set is as if it were not there', () => {
    expect(read(whole)).toEqual([
      {
        ...{
          name: 'product',
          type: 'mixpanel',
          token: 'tok_1',
          baseUrl: 'https://api-eu.mixpanel.com',
          format: 'json',
        },
        ...{ import: 'always', identity: 'simplified', serviceAccount: null },
      },
      {
        ...{ name: 'crm', type: 'bloomreach', baseUrl: 'https://api.exponea.com', projectToken: 'p1' },
        ...{ key: { id: 'k1', secret: 's3' }, customerIdType: 'cookie', endUserAddress: false },
      },
      { name: 'play', type: 'sandbox' },
    ]);
  });

  it('takes the customer id type as a word too, registered being the default, and a public token instead of a key', () => {
    const text = (more: string) =>
      `destinations: { crm: { type: bloomreach, base_url: "https://a.example", project_token: p, public_token: t${more} } }`;
    expect(read(text(''))).toMatchObject([{ customerIdType: 'registered', key: { publicToken: 't' } }]);
    expect(read(text(', customer_ids: email_id'))).toMatchObject([{ customerIdType: 'email_id' }]);
  });

  it('takes MIXPANEL_IMPORT for the destination of the environment', () => {
    const settings = { mixpanel: { ...mixpanel, token: 'tok', import: 'never' as const } };
    const given = { settings, text: null, file: 'M', lookup: () => undefined };
    expect(readDestinations(given)).toMatchObject([{ import: 'never' }]);
  });

  it.each(['7', '"7"', `"\${PROJECT}"`])('takes a service account with its project as %s', (project) => {
    variables.PROJECT = '7';
    const account = `{ user: u, secret: "s1", project_id: ${project} }`;
    const [one] = read(`destinations: { a: { type: mixpanel, token: t1, service_account: ${account} } }`);
    expect(one).toMatchObject({ serviceAccount: { user: 'u', secret: 's1', projectId: '7' } });
    expect(one && secretsOfDestination(one)).toEqual(['t1', 's1']);
  });

  it('tells its secrets to whoever masks them', () => {
    expect(read(whole).flatMap(secretsOfDestination)).toEqual(['tok_1', 's3']);
  });

  it.each([
    [
      `destinations: { a: { type: mixpanel, token: "\${NOT_SET}" } }`,
      /1:\d+ token needs a variable that is not set \(not set: NOT_SET\)$/,
    ],
    ['destinations: { a: { type: mixpanel } }', /token is missing$/],
    [
      'destinations: { a: { type: mixpanel, token: t, service_account: { user: u, secret: s } } }',
      /project_id is missing$/,
    ],
    [
      'destinations: { a: { type: mixpanel, token: t, identity: both } }',
      /identity must be one of simplified, original/,
    ],
    ['destinations: { a: { type: mixpanel, token: t, regoin: eu } }', /unknown key "regoin".*did you mean region/],
    ['destinations: { a: { type: mixpanel, token: t, region: asia } }', /region must be one of us, eu, in/],
    ['destinations: { a: { type: mixpanel, token: t, base_url: "ftp://x" } }', /base_url must be an http/],
    ['destinations: { a: { type: amplitude } }', /1:\d+ /],
    ['destinations: { A_b: { type: sandbox } }', /1:\d+ /],
    ['destinations: {}', /names no destination/],
    ['destination: {}', /unknown key "destination".*did you mean destinations/],
    [
      'destinations: { a: { type: bloomreach, base_url: "https://a.example", project_token: p } }',
      /either api_key_id with api_secret, or public_token/,
    ],
    [
      'destinations: { a: { type: bloomreach, base_url: "https://a.example", project_token: p, api_key_id: k } }',
      /either api_key_id/,
    ],
    ['- a', /./],
    ['a: [', /./],
  ])('%j is refused in words', (text, words) => {
    const problems = problemsOf(text);
    expect(problems.join('\n')).toMatch(words);
    expect(problems[0]).toContain('M/destinations.yaml');
  });

  it('refuses twenty-one', () => {
    const names = Array.from({ length: 21 }, (_, at) => `  d${at}: { type: sandbox }`).join('\n');
    expect(problemsOf(`destinations:\n${names}\n`)).toEqual(['M/destinations.yaml names more than 20 destinations']);
  });

  it('never repeats a value', () => {
    const text = 'destinations: { a: { type: mixpanel, token: [s3cret], region: s3cret, base_url: s3cret } }';
    expect(problemsOf(text).join()).not.toContain('s3cret');
  });
});
