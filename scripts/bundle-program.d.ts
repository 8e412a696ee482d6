/**
 * Bundles the command line into `folder`/dist/program.
 * @returns for each file of the bundle, the sources that are in it, relative to the repository
 */
export function bundleProgram(folder: string): Promise<Map<string, string[]>>;
