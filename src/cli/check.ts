import type { Io } from './io.ts';

export async function checkCommand(_queries: readonly string[], _flags: object, io: Io): Promise<void> {
  io.out('');
}
