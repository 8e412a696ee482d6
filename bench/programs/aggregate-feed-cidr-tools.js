import { readFileSync } from 'node:fs';
import { mergeCidr } from 'cidr-tools';

const { values } = JSON.parse(readFileSync(process.argv[2], 'utf8'));
process.stdout.write(
  `${mergeCidr(values.flatMap(({ properties }) => properties.addressPrefixes)).join('\n')}\n`,
);
