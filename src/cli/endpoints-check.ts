import { access, stat } from 'node:fs/promises';
import { join } from 'node:path';
import {
  checkEndpoints,
  type DriftReport,
  findSource,
  formatDrift,
  sourceFiles,
} from '../endpoints/drift.ts';
import type { EndpointTable } from '../endpoints/endpoint-table.ts';
import { withIncludes } from '../endpoints/includes.ts';
import { loadEndpointTable } from '../endpoints/load.ts';
import { AllowlistError, ConfigurationError, EXIT_STATUS } from '../problem.ts';
import { readRegularText } from '../regular-file.ts';
import type { Io } from './io.ts';

/** Compares a Markdown document, or those of a folder of clones, with a bundled endpoint table. */
export async function endpointsCheckCommand(
  location: string,
  flags: { readonly table: string; readonly json?: boolean },
  io: Io,
): Promise<void> {
  const table = await loadEndpointTable(flags.table);
  const isFolder = await stat(location).then(
    (found) => found.isDirectory(),
    () => false,
  );
  const reports: DriftReport[] = [];
  for (const { path, source } of isFolder
    ? await documentsIn(location, table, io)
    : [{ path: location, source: findSource(table, location)?.id }]) {
    const isFile = !/^https?:\/\//i.test(path);
    const { text, lineOf, findings } = await withIncludes(
      await documentAt(path, io),
      isFile ? path : undefined,
    );
    const report = checkEndpoints(text, table, { ...(source === undefined ? {} : { source }), lineOf });
    reports.push({ ...report, findings: [...report.findings, ...findings] });
  }
  io.out(
    flags.json === true
      ? JSON.stringify(isFolder ? reports : reports[0], null, 2)
      : reports.map(formatDrift).join('\n'),
  );
  if (reports.some(({ drifted }) => drifted)) io.setStatus(EXIT_STATUS.differs);
}

/** The documents of the table's sources that a folder has. @throws ConfigurationError where it has none */
async function documentsIn(
  folder: string,
  table: EndpointTable,
  io: Io,
): Promise<{ path: string; source: string }[]> {
  const found: { path: string; source: string }[] = [];
  const wanted = sourceFiles(table);
  for (const [source, places] of wanted) {
    const paths = places.map((place) => join(folder, place));
    const there = await Promise.all(
      paths.map((path) =>
        access(path).then(
          () => true,
          () => false,
        ),
      ),
    );
    const path = paths.find((_, index) => there[index]);
    if (path === undefined) io.err(`${folder} does not have ${places[0]}, source ${source} of ${table.id}`);
    else found.push({ path, source });
  }
  if (found.length === 0)
    throw new ConfigurationError(`${folder} has no document of the table ${table.id}`, [
      {
        where: folder,
        what: [...wanted.values()].flat().join(', ') || 'the sources of the table name no file',
        next: 'name a clone of the repository, or the document itself',
      },
    ]);
  return found;
}

async function documentAt(location: string, io: Io): Promise<string> {
  if (/^https?:\/\//i.test(location)) {
    if (!URL.canParse(location)) throw new ConfigurationError(`${location}: not a URL`);
    const [{ createHttpClient }, { HttpFailure }, { MICROSOFT_HOSTS }] = await Promise.all([
      import('../feed/http-client.ts'),
      import('../feed/http-failure.ts'),
      import('../feed/allowed-hosts.ts'),
    ]);
    const client = createHttpClient({
      config: {},
      // Redirects may lead back to the host that was typed, or to Microsoft.
      allowedHosts: [new URL(location).hostname, ...MICROSOFT_HOSTS],
      environment: io.environment,
      report: io.err,
    });
    try {
      const { body } = await client.get(location, { accept: 'text/markdown, text/plain' });
      return Buffer.from(body).toString('utf8');
    } catch (error) {
      if (!(error instanceof HttpFailure)) throw error;
      throw new AllowlistError(
        'cannot fetch the document',
        [
          {
            where: location,
            what: error.message,
            next: error.next ?? 'save the document, and name the file',
          },
        ],
        { cause: error },
      );
    }
  }
  try {
    return await readRegularText(location);
  } catch (error) {
    throw new ConfigurationError(`cannot read ${location}: ${(error as Error).message}`, [], {
      cause: error,
    });
  }
}
