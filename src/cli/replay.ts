import { fileURLToPath } from 'node:url';
import { loadConfig } from '../config/load.ts';
import { loadKnownFigures } from '../feed/known-space.ts';
import { loadTargets } from '../job.ts';
import { loadTables } from '../products.ts';
import { replayDocument } from '../replay/document.ts';
import { type ReplayedWeek, replay } from '../replay/replay.ts';
import { writeReplayMarkdown, writeReplayText } from '../replay/report.ts';
import { weeklyFiles } from '../replay/weekly-files.ts';
import { withoutM365 } from '../replay/without-m365.ts';
import type { Io } from './io.ts';
import { startMeter } from './meter.ts';
import { cloudOfName } from './request.ts';

interface ReplayFlags {
  readonly config?: string;
  readonly accept?: readonly string[];
  readonly everyTag?: boolean;
  readonly longestGap?: number;
  readonly json?: boolean;
  readonly markdown?: boolean;
}

/** Runs the job over every weekly file of a directory. */
export async function replayCommand(directory: string, flags: ReplayFlags, io: Io): Promise<void> {
  const given = flags.config === undefined ? undefined : await loadConfig(flags.config);
  const { cloud, weeks, others } = await weeklyFiles(
    directory,
    ([first = '']) => given?.feed.cloud ?? cloudOfName(first),
  );
  const { config: read, touched } = withoutM365(
    given ?? (await loadConfig(fileURLToPath(new URL(`../../data/replay/${cloud}.yaml`, import.meta.url)))),
  );
  if (touched.length > 0)
    io.err(
      `left out: the endpoint sets of Microsoft 365 of ${touched.join(', ')}, which have no weekly files`,
    );
  for (const name of others) io.err(`skipped: ${name} has no date in its name`);
  const { config, tables } = await loadTables(read);
  const done: ReplayedWeek[] = [];
  for await (const week of replay({
    config,
    tables,
    knownFigures: await loadKnownFigures(cloud),
    targets: await loadTargets(config),
    weeks,
    accept: flags.accept ?? [],
    everyTag: flags.everyTag ?? false,
    ...(flags.longestGap === undefined ? {} : { longestGap: flags.longestGap }),
    measure: startMeter,
  })) {
    done.push(week);
    io.err(`${done.length} of ${weeks.length}: ${week.name} ${week.outcome}`);
  }
  if (flags.json === true) io.out(JSON.stringify(replayDocument(done), null, 2));
  else io.out(flags.markdown === true ? writeReplayMarkdown(done) : writeReplayText(done));
}
