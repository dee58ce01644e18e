/** The measure of accepting: a bare Express 5 that reads the body and sends it back. `node test/bench/echo.ts PORT` */
import express from 'express';

const app = express();
app.post('/hooks/:source', express.raw({ type: () => true, limit: '1mb' }), (req, res) => void res.send(req.body));
app.listen(Number(process.argv[2]), '127.0.0.1', () => process.stdout.write('listening\n'));
