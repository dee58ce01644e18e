/** The one source of the bench: signed as GitHub signs, mapped by ten fields, with an accept limit that is never met. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export const benchSecret = 'a-secret-of-the-bench-0123456789';
export const benchPath = '/hooks/bench';

/** What a destination of the type bloomreach is called. */
export const benchCrm = 'crm';

const sourceYaml = `provider: github
secret: \${BENCH_SECRET}
limits:
  accept: 1000000/s
`;

/** Ten fields of `benchBody` (load.ts). */
export const benchMapping = `{
  "event": "Pull request " & action,
  "properties": {
    "distinct_id": $string(sender.id),
    "number": number,
    "title": pull_request.title,
    "additions": pull_request.additions,
    "deletions": pull_request.deletions,
    "changed_files": pull_request.changed_files,
    "merged": pull_request.merged,
    "repository": repository.full_name,
    "language": repository.language,
    "organization": organization.login
  }
}
`;

/** What the mapping makes of `benchBody`, for backlogs that are filled without it. */
export const benchOutput = {
  event: 'Pull request opened',
  properties: {
    distinct_id: '583231',
    number: 4711,
    title: 'Amazing new feature',
    additions: 104,
    deletions: 4,
    changed_files: 5,
    merged: false,
    repository: 'octo-org/hello-world',
    language: 'TypeScript',
    organization: 'octo-org',
  },
};

/** Answers the folder for RELAY_MAPPINGS_DIR. */
export function writeBenchSource(below: string): string {
  const folder = join(below, 'mappings');
  mkdirSync(join(folder, 'bench'), { recursive: true });
  writeFileSync(join(folder, 'bench/source.yaml'), sourceYaml);
  writeFileSync(join(folder, 'bench/mapping.jsonata'), benchMapping);
  return folder;
}

/** All that the source has goes to a Bloomreach at `url`. */
export function writeBenchDestination(mappings: string, url: string): void {
  const crm = `{ type: bloomreach, base_url: "${url}", project_token: bench, api_key_id: bench, api_secret: "${benchSecret}" }`;
  writeFileSync(join(mappings, 'destinations.yaml'), `destinations:\n  ${benchCrm}: ${crm}\n`);
}
