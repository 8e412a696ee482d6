// Loaded into every thread: one whose turn it is to plan the site that SITE_TO_END names ends, as if it had crashed over it.
import { isMainThread, parentPort } from 'node:worker_threads';

if (!isMainThread && parentPort !== null) {
  const port = parentPort;
  const on = port.on.bind(port);
  const post = port.postMessage.bind(port);
  let before = 0;
  let isNext = false;
  const endWhenDue = () => {
    if (isNext && before === 0) process.exit(7);
  };
  port.postMessage = (answer) => {
    post(answer);
    before -= 1;
    // The answer has to leave first.
    setTimeout(endWhenDue, 50);
  };
  port.on = (name, listener) =>
    on(name, (message) => {
      if (message.kind === 'plan' && message.site.name === process.env.SITE_TO_END) {
        isNext = true;
        endWhenDue();
        return;
      }
      if (message.kind !== 'forget') before += 1;
      listener(message);
    });
}
