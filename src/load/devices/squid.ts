import { includedFiles } from './included-files.ts';

const configuration = (given: string | undefined) => given ?? '/etc/squid/squid.conf';

/** Squid exits with 0 for lists that lose entries: what it says counts, not its status alone. */
export const device = includedFiles({
  checker: (context) => ['squid', '-k', 'parse', '-f', configuration(context.configuration)],
  reload: (context) => ['squid', '-k', 'reconfigure', '-f', configuration(context.configuration)],
  complaint: /WARNING|ERROR|FATAL/,
});
