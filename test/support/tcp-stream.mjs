// Opens one connection to the address and port given and sends a byte, waits for its echo, and so on, until its
// standard input closes; prints how often, and the longest wait in milliseconds. With a third argument, `host:port`, that is
// what the proxy at the address is asked for with CONNECT.
import { connect } from 'node:net';

const [host, port, through] = process.argv.slice(2);
let rounds = 0;
let longest = 0;
let sent = 0;
const socket = connect({ host, port: Number(port), noDelay: true });
socket.on('error', (error) => {
  process.stdout.write(`${error.message}\n`);
  process.exit(1);
});
const send = () => {
  if (socket.writableEnded) return;
  sent = performance.now();
  socket.write('.');
};
const begin = () => {
  process.stdout.write('connected\n');
  socket.on('data', () => {
    rounds++;
    longest = Math.max(longest, performance.now() - sent);
    // A pause now and then: an update must not fall between two packets only because there are none.
    if (rounds % 10 === 0) setTimeout(send, 1);
    else send();
  });
  send();
};
if (through === undefined) socket.once('data', begin);
else {
  socket.write(`CONNECT ${through} HTTP/1.1\r\nHost: ${through}\r\n\r\n`);
  let answer = '';
  const read = (data) => {
    answer += data.toString('latin1');
    const end = answer.indexOf('\r\n\r\n');
    if (end < 0) return;
    if (!/^HTTP\/1\.\d 200/.test(answer)) {
      process.stdout.write(`${answer.slice(0, answer.indexOf('\r\n'))}\n`);
      process.exit(1);
    }
    // The greeting of what is behind the proxy.
    if (answer.length === end + 4) return;
    socket.off('data', read);
    begin();
  };
  socket.on('data', read);
}
const finish = () => {
  // Ended in good order, so that no packet of this connection is under way when the caller goes on.
  socket.on('close', () => {
    process.stdout.write(JSON.stringify({ rounds, longest }));
    process.exit(0);
  });
  socket.end();
};
process.stdin.resume().on('end', finish);
setTimeout(() => process.exit(1), 120_000);
