import { Resolver } from 'node:dns/promises';

/**
 * A program of its own, for a network namespace: asks the name server on 127.0.0.1 for the addresses of both families of each
 * name of standard input, a line each, and writes a line `no answer: NAME: reason` for each that has none.
 */

/** How many names are asked for at once. */
const AT_ONCE = 50;

const resolver = new Resolver({ timeout: 1000, tries: 5 });
resolver.setServers(['127.0.0.1']);
let text = '';
for await (const chunk of process.stdin) text += String(chunk);
const names = text.split('\n').filter((line) => line !== '');
let next = 0;

async function worker(): Promise<void> {
  for (;;) {
    const name = names[next++];
    if (name === undefined) return;
    await Promise.all([resolver.resolve4(name), resolver.resolve6(name)]).catch((error: Error) =>
      process.stdout.write(`no answer: ${name}: ${error.message}\n`),
    );
  }
}

await Promise.all(Array.from({ length: AT_ONCE }, worker));
