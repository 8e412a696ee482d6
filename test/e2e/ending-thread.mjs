// Loaded into every thread: one that is to plan the site that SITE_TO_END names ends at once, as if it had crashed.
import { isMainThread, parentPort } from 'node:worker_threads';

if (!isMainThread && parentPort !== null) {
  const on = parentPort.on.bind(parentPort);
  parentPort.on = (name, listener) =>
    on(name, (message) => {
      if (message.kind === 'plan' && message.site.name === process.env.SITE_TO_END) process.exit(7);
      listener(message);
    });
}
