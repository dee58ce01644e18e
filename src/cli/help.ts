/** The examples under each command's `--help`: what people type, before what the options are. */

export const overview = `
Examples:
  trackrelay serve                               start the relay (with nothing set: a sandbox, sample sources)
  trackrelay demo                                the same, with sample webhooks on their way
  trackrelay check                               compile every mapping, run every case
  trackrelay try stripe payload.json --explain   show the events a payload becomes
  trackrelay send github                         post a correctly signed sample webhook
  trackrelay tail                                follow what the running relay does
  trackrelay dead list                           what failed; trackrelay replay gives it its second chance
`;

export const examples = {
  serve: `
Examples:
  trackrelay serve                                     events go to the built-in sandbox
  MIXPANEL_TOKEN_FILE=/run/secrets/t trackrelay serve  events go to Mixpanel
All settings come from the environment: trackrelay config lists them.
`,
  check: `
Examples:
  trackrelay check                     every source in RELAY_MAPPINGS_DIR
  trackrelay check mappings/stripe     one source
  trackrelay check /mappings --json    for a pipeline; exit 1 when something is wrong
  trackrelay check --unmapped          what the running relay skipped or could not map, by source and type
  trackrelay check --unmapped stripe   of one source; exit 3 when the relay is not reachable
`,
  try: `
Examples:
  trackrelay try stripe invoice-paid                    a case of the source, by its name
  trackrelay try stripe payload.json --explain          what the mapping reads, how each event was completed
  trackrelay try github push.json --headers push.headers.json
  trackrelay try stripe mappings/stripe/cases --json    one line of JSON for each file
  curl -s https://example.com/payload | trackrelay try stripe -
  trackrelay try stripe payload.json --relay            in the running relay: its settings, keys and destinations
  trackrelay try stripe dlv_01jd… --relay --mapping new.jsonata   a kept delivery, through a changed mapping
Nothing is kept or sent. --relay sends RELAY_ADMIN_TOKEN or RELAY_ADMIN_READ_TOKEN when it is set; exit 3 when nobody answers.
The content type is the one in the headers file, else told by the file's ending (.json, .form, .xml, .ndjson, .txt).
`,
  send: `
Examples:
  trackrelay send github                                    its first case
  trackrelay send stripe invoice-paid                       one case, as if it happened now, under a new delivery id
  trackrelay send stripe invoice-paid --set data.object.amount_paid=4200
  trackrelay send stripe payload.json                       a payload of your own; its times stay as they are
  trackrelay send stripe invoice-paid --same-id             twice: the second is a duplicate
  trackrelay send stripe --url https://hooks.example.com    another relay, with the secret it has
Secrets come from the environment, as for serve; in sandbox mode from the data folder.
`,
  tail: `
Examples:
  trackrelay tail                                   everything, a line each
  trackrelay tail --source stripe --kind delivery   the webhooks of one source
  trackrelay tail --kind delivery.failed,event.dead --json
It comes back when the connection breaks; Ctrl-C ends it. RELAY_ADMIN_TOKEN or RELAY_ADMIN_READ_TOKEN is sent when it is set.
`,
  explain: `
Examples:
  trackrelay explain                                                what was refused last
  trackrelay explain ref_01jd…                                      why a request was refused, checked again as things are now
  trackrelay explain dlv_01jd…                                      what a delivery became, and where its events are
  trackrelay explain payload.json --source stripe --headers h.json  a request of your own, as if it had just come
trackrelay tail shows ids as they come. No secret or signature is ever shown.
`,
  diff: `
Examples:
  trackrelay diff stripe                           the mapping in the folder against what was sent for the last 50 deliveries
  trackrelay diff stripe --mapping new.jsonata --last 500
  trackrelay diff stripe --json                    exit 1 when it fails where the one that runs did not
`,
  case: `
Examples:
  trackrelay case dlv_01jd… refund-in-yen          writes cases/refund-in-yen.payload.json, .headers.json, .expected.json
  trackrelay case dlv_01jd… refund-in-yen --raw    names, addresses and all: look at it before you commit it
Nothing is overwritten. Without --raw each text that the mapping does not read becomes [masked].
`,
  replay: `
Examples:
  trackrelay replay --source stripe --state failed --dry-run   how many, what would change, what to know
  trackrelay replay --source stripe --reason mapping_error     asks first; then watches until all have arrived
  trackrelay replay dlv_01jd… dlv_01je…                        these deliveries, through today's mapping
  trackrelay replay ded_01jd…                                  a dead event as it is
  trackrelay replay list
  trackrelay replay cancel rpl_01jd…                           what it has sent on already goes on
Events that are the same as before are not sent twice.
`,
  dead: `
Examples:
  trackrelay dead list --source stripe
  trackrelay dead show ded_01jd…                        what failed, in whose words
  trackrelay dead retry --reason gave_up --dry-run      how many would be sent again
  trackrelay dead retry ded_01jd…
  trackrelay dead show ded_01jd… --json > one.json     then mend "event" in it by hand, and:
  trackrelay dead retry ded_01jd… --event one.json     a marked copy is sent in its place
  trackrelay dead export --since 2026-11-01 > dead.ndjson
`,
  arm: `
Examples:
  trackrelay arm asana             for ten minutes the next handshake's secret is kept; waits until it came
  trackrelay arm asana --forget    to learn another one; the old one no longer counts
  trackrelay arm notion --no-wait  returns at once; run it again within the ten minutes to see what to paste
It talks to the relay's private listener; RELAY_ADMIN_TOKEN is sent when it is set.
`,
  move: `
Examples:
  trackrelay move --from data/ --to redis://10.0.0.7:6379              stop all relays first; then start them with REDIS_URL
  trackrelay move --from data/ --to REDIS_URL --shards 4               the address stays out of the list of processes
  trackrelay move --from redis://10.0.0.7 --to data/                   and back
  trackrelay move --from redis://10.0.0.7 --to redis://10.0.0.8 --shards 8
  trackrelay move --unmark data/                                       after second thoughts: relays may start on data/ again
Ended half way, run it again: nothing is there twice. The source keeps all it had, and no relay starts on it any more.
It reads RELAY_KEEP_DELIVERIES, for how long repeats are known; set it as for serve.
`,
  providers: `
Examples:
  trackrelay providers           all of them
  trackrelay providers stripe    how one is verified, and where its secret is found
`,
  config: `
Examples:
  trackrelay config           secrets are shown only as [set]
  trackrelay config --json
`,
  health: `
Examples:
  trackrelay health                              the relay of this environment; exit 0 pass or warn, 1 fail, 3 not reachable
  trackrelay health --url http://10.0.0.5:8081   another one; RELAY_ADMIN_TOKEN is sent when it is set
`,
  sandbox: `
Examples:
  trackrelay sandbox                                  on http://127.0.0.1:8090
  MIXPANEL_TOKEN=sandbox MIXPANEL_API_URL=http://127.0.0.1:8090 trackrelay serve    a relay that sends to it
`,
  demo: `
Examples:
  trackrelay demo           leaves the relay running until Ctrl-C
  trackrelay demo --once    ends: exit 0 when every expected event arrived, else 1
It uses free ports and a data folder of its own, unless RELAY_PORT, RELAY_ADMIN_PORT or RELAY_DATA_DIR are set.
`,
} as const;
