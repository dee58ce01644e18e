/**
 * The command line: every command, its words and its options. What a command does is in its own file, loaded when it
 * is called, so that `trackrelay health` answers a probe without loading the relay.
 *
 * Exit codes: 0 fine · 1 problems found, or refused · 2 wrong usage · 3 relay not reachable.
 */
import { Command, CommanderError } from 'commander';
import { UsageError } from '../errors.ts';
import { version } from '../version.ts';
import { examples, overview } from './help.ts';
import { createOutput, type Output } from './output.ts';

/** What a command is handed besides its own options. */
export type Context = { readonly output: Output; readonly json: boolean };

export async function run(args: readonly string[]): Promise<number> {
  const output = createOutput();
  let exitCode = 0;
  const program = createProgram(output, (code) => {
    exitCode = code;
  });
  try {
    if (args.length === 0) program.outputHelp();
    else await program.parseAsync(args, { from: 'user' });
    return exitCode;
  } catch (error) {
    return explain(error, output);
  }
}

/** Says what went wrong and what to do; gives the exit code. */
function explain(error: unknown, output: Output): number {
  // Commander has already written its sentence (or the help that was asked for).
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (error instanceof UsageError) {
    for (const problem of error.problems) output.say(`trackrelay: ${problem}`);
    return error.exitCode;
  }
  output.say(`trackrelay: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  return 1;
}

function createProgram(output: Output, end: (exitCode: number) => void): Command {
  const program = new Command('trackrelay')
    .description('A relay for webhooks: proves who sent each, keeps it safely, forwards it to Mixpanel as events.')
    .version(version, '-V, --version')
    .exitOverride()
    .showSuggestionAfterError()
    .configureHelp({ sortSubcommands: false })
    .addHelpText('before', overview);
  const context = (options: { json?: boolean }): Context => ({ output, json: options.json ?? false });
  const add = (name: string, description: string) =>
    program
      .command(name)
      .description(description)
      .option('--json', 'print the result as JSON')
      .addHelpText('after', examples[name.split(' ')[0] as keyof typeof examples]);

  add('serve', 'start the relay').action(async () => end(await (await import('./serve.ts')).serve(output)));
  add(
    'check [folder]',
    'compile every mapping, run every case, say what is wrong and where; --unmapped: list what falls through',
  )
    .option('--unmapped', 'ask a running relay which types it skipped or could not map; [folder] is then a source')
    .option('--url <url>', 'with --unmapped: its private listener; default: the one of this environment')
    .action(async (folder, options) => end(await check(folder ?? null, options, context(options))));
  add('try <source> <file>', 'show the events that a payload becomes (FILE: a file, a folder, a case, or - for stdin)')
    .option('--headers <file>', 'JSON file of request headers')
    .option('--explain', 'say what the mapping reads and how each event was completed')
    .option('--mapping <file>', 'another mapping than the one in the folder of the source')
    .option('--relay', 'a running relay maps it, with its settings; FILE may then be a delivery that it keeps (dlv_…)')
    .option('--url <url>', 'the same, at this private listener; default: the one of this environment')
    .action(async (source, file, options) =>
      end(await (await import('./try.ts')).tryMapping({ source, file, ...options }, context(options))),
    );
  add('send <source> [what]', 'sign a payload as the provider would and post it (a case, a file, or - for stdin)')
    .option('--url <url>', 'where to post; default: the relay of this environment')
    .option('--headers <file>', 'JSON file of request headers')
    .option('--set <path=value>', 'change the payload first; repeatable', collect)
    .option('--same-id', 'keep the delivery id of the payload')
    .option('--same-time', 'keep the times of a case')
    .option('--bad-signature', 'send a signature that does not match')
    .action(async (source, what, options) =>
      end(await (await import('./send.ts')).send({ source, what: what ?? null, ...options }, context(options))),
    );
  add('tail', 'follow what a running relay does: each request, what it became, each batch')
    .option('--source <source>', 'only of this source')
    .option('--kind <names>', 'only these lines, with commas: delivery, delivery.failed, batch, event.dead, …')
    .option('--url <url>', 'its private listener; default: the one of this environment')
    .action(async (options) => end(await (await import('./tail.ts')).tail(options, context(options))));
  add(
    'explain [what]',
    'say why a request was refused, or what became of a delivery (an id, or FILE with --source); without: list what was refused last',
  )
    .option('--source <source>', 'with a file: the source that it is for; of the list: only of this source')
    .option('--headers <file>', 'with a file: JSON file of request headers')
    .option('--url <url>', 'private listener of the relay that has it; default: the one of this environment')
    .action(async (what, options) =>
      end(await (await import('./explain.ts')).explain({ what: what ?? null, ...options }, context(options))),
    );
  add('diff <source>', 'show what a changed mapping would change about the last deliveries of a source')
    .option('--mapping <file>', 'the changed mapping; default: the one in its folder')
    .option('--last <count>', 'so many deliveries; default: 50')
    .option('--url <url>', 'private listener of the relay that has them; default: the one of this environment')
    .action(async (source, options) =>
      end(await (await import('./diff.ts')).diff({ source, ...options }, context(options))),
    );
  add('case <delivery> <name>', 'save a delivery as a case of its source, masked')
    .option('--raw', 'as it came: texts that the mapping does not read too')
    .option('--url <url>', 'private listener of the relay that has it; default: the one of this environment')
    .action(async (delivery, name, options) =>
      end(await (await import('./case.ts')).saveCase({ delivery, name, ...options }, context(options))),
    );
  selecting(add('replay [ids...]', 'give deliveries or dead events a second chance; also: list, show ID, cancel ID'))
    .option('--remap', "deliveries again, through today's mapping; the default")
    .option('--resend', 'dead events as they are; the default for ids of dead letters')
    .option('--state <state>', 'accepted, mapped, skipped or failed deliveries; dead events')
    .option('--limit <count>', 'with list: so many')
    .action(async (ids, options) => end(await (await import('./replay.ts')).replay(ids, options, context(options))));
  selecting(add('dead <action> [ids...]', 'what will not be tried again by itself: list, show ID, retry [IDS], export'))
    .option('--kind <kind>', 'mapping or event')
    .option('--event <file>', 'with retry and one id: the event, edited by hand, that is sent in its place')
    .option('--limit <count>', 'so many; default: 50')
    .action(async (action, ids, options) =>
      end(await (await import('./dead.ts')).dead(action, ids, options, context(options))),
    );
  add('arm <source>', 'let a running relay take the secret that the provider hands over when the webhook is created')
    .option('--no-wait', 'return at once instead of waiting until it was learned')
    .option('--forget', 'drop the secret it has learned before')
    .option('--url <url>', 'its private listener; default: the one of this environment')
    .action(async (source, options) =>
      end(await (await import('./arm.ts')).arm({ source, ...options }, context(options))),
    );
  add('move', 'carry all that a buffer keeps into another: a data folder or a Redis, from one to the other')
    .option('--from <place>', 'a data folder, a redis:// address, or REDIS_URL: the one of this environment')
    .option('--to <place>', 'the same; it must be empty, or hold a part of this very move')
    .option('--shards <count>', 'of a Redis that is moved to; default: RELAY_REDIS_SHARDS')
    .option('--unmark <place>', 'let relays start again where all was moved away; it may then be delivered twice')
    .action(async (options) => end(await (await import('./move.ts')).moveBuffer(options, context(options))));
  add('providers [name]', 'list the providers a source can name, or show one').action(async (name, options) =>
    end((await import('./providers.ts')).showProviders(name ?? null, context(options))),
  );
  add('config', 'show every setting: its value, where it came from, what it means').action(async (options) =>
    end((await import('./config.ts')).showConfig(context(options))),
  );
  add('health', 'ask a running relay how it is')
    .option('--url <url>', 'its private listener; default: the one of this environment')
    .action(async (options) => end(await (await import('./health.ts')).askHealth(options, context(options))));
  add('sandbox', 'serve a Mixpanel to play and test with')
    .option('--host <host>', 'address to listen on', '127.0.0.1')
    .option('--port <port>', 'port to listen on', '8090')
    .action(async (options) => end(await (await import('./sandbox.ts')).serveSandbox(options, context(options))));
  add('demo', 'serve in sandbox mode and send every sample case as a signed webhook')
    .option('--once', 'end when all expected events arrived (exit 0) or did not (exit 1)')
    .action(async (options) => end(await (await import('./demo.ts')).demo(options, context(options))));
  return program;
}

async function check(
  named: string | null,
  options: { readonly unmapped?: boolean; readonly url?: string },
  context: Context,
): Promise<number> {
  if (options.unmapped)
    return (await import('./check-unmapped.ts')).checkUnmapped({ ...options, source: named }, context);
  if (options.url !== undefined)
    throw new UsageError(['--url goes with --unmapped: nothing else of check asks a relay']);
  return (await import('./check.ts')).check(named, context);
}

/** What `replay` and `dead` select by, and how they go about it. */
function selecting(command: Command): Command {
  return command
    .option('--source <source>', 'only of this source')
    .option('--reason <reason>', 'only those with a dead letter of this reason')
    .option('--type <type>', "only of this type, in the provider's words")
    .option('--destination <destination>', 'only for this destination')
    .option('--since <time>', 'received then or later (ISO)')
    .option('--until <time>', 'received before then (ISO)')
    .option('-n, --dry-run', 'change nothing: say how many, what would change, and what to know')
    .option('-y, --yes', 'do not ask')
    .option('--no-wait', 'return at once instead of watching until it is done')
    .option('--url <url>', 'private listener of the relay; default: the one of this environment');
}

function collect(value: string, before: readonly string[] = []): string[] {
  return [...before, value];
}

/** Every command, for README: `trackrelay send <source> [what]` and what it does. */
export function commandTable(): readonly { readonly usage: string; readonly description: string }[] {
  const program = createProgram(createOutput(), () => undefined);
  return program.commands.map((command) => {
    const places = command.registeredArguments.map((one) => (one.required ? `<${one.name()}>` : `[${one.name()}]`));
    return { usage: ['trackrelay', command.name(), ...places].join(' '), description: command.description() };
  });
}
