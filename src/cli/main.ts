#!/usr/bin/env node
import { version } from './version.ts';

// What a script asks for to know that the program is there needs no command line to be parsed.
const [asked, ...more] = process.argv.slice(2);
if (more.length === 0 && (asked === '--version' || asked === '-V')) process.stdout.write(`${version()}\n`);
else await import('./program.ts');
