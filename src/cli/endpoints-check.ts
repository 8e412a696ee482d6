import { readFile } from 'node:fs/promises';
import { checkEndpoints, findSource, formatDrift } from '../endpoints/drift.ts';
import { loadEndpointTable } from '../endpoints/load.ts';
import { ConfigurationError, EXIT_STATUS } from '../problem.ts';
import type { Io } from './io.ts';

/** Compares a Markdown document with a bundled endpoint table. */
export async function endpointsCheckCommand(
  location: string,
  flags: { readonly table: string; readonly json?: boolean },
  io: Io,
): Promise<void> {
  const table = await loadEndpointTable(flags.table);
  const source = findSource(table, location)?.id;
  const report = checkEndpoints(
    await documentAt(location, io),
    table,
    source === undefined ? {} : { source },
  );
  io.out(flags.json === true ? JSON.stringify(report, null, 2) : formatDrift(report));
  if (report.drifted) io.setStatus(EXIT_STATUS.differs);
}

async function documentAt(location: string, io: Io): Promise<string> {
  if (/^https?:\/\//i.test(location)) {
    const [{ createHttpClient }, { MICROSOFT_HOSTS }] = await Promise.all([
      import('../feed/http-client.ts'),
      import('../feed/allowed-hosts.ts'),
    ]);
    const client = createHttpClient({
      config: {},
      // Redirects may lead back to the host that was typed, or to Microsoft.
      allowedHosts: [new URL(location).hostname, ...MICROSOFT_HOSTS],
      environment: io.environment,
      report: io.err,
    });
    return Buffer.from((await client.get(location, { accept: 'text/markdown, text/plain' })).body).toString(
      'utf8',
    );
  }
  try {
    return await readFile(location, 'utf8');
  } catch (error) {
    throw new ConfigurationError(`cannot read ${location}: ${(error as Error).message}`, [], {
      cause: error,
    });
  }
}
