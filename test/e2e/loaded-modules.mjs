// Loaded with `node --import`: writes the URL of every module that is resolved to the file LOADED_MODULES.
import { appendFileSync } from 'node:fs';
import { register } from 'node:module';
import { isMainThread } from 'node:worker_threads';

export async function resolve(specifier, context, next) {
  const found = await next(specifier, context);
  appendFileSync(process.env.LOADED_MODULES, `${found.url}\n`);
  return found;
}

// The hooks run in a thread of their own, which loads this file again.
if (isMainThread) register(import.meta.url);
