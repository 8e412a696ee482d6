import { includedFiles } from './included-files.ts';

const configuration = (given: string | undefined) => given ?? '/etc/nginx/nginx.conf';

export const device = includedFiles({
  checker: (context) => ['nginx', '-t', '-c', configuration(context.configuration)],
  reload: (context) => ['nginx', '-s', 'reload', '-c', configuration(context.configuration)],
  complaint: /\[warn\]/,
});
