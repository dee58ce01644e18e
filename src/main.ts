#!/usr/bin/env node
/** Picks the command. `node src/main.ts --help` lists them. */
import { run } from './cli/program.ts';

process.exitCode = await run(process.argv.slice(2));
