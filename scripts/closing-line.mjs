/**
 * Prints how a test run ended as one plain line, `N passed, N failed`, from vitest's JSON report:
 *
 *   node scripts/closing-line.mjs REPORT.json
 *
 * Exit code 1 when the report cannot be read or no test ran: a run that tested nothing is not a green one.
 */
import { readFileSync } from 'node:fs';

let report;
try {
  report = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8'));
} catch (error) {
  console.error(`The test report cannot be read: ${error.message}`);
  process.exit(1);
}
// A file that does not load has no tests that could fail: it counts as one.
const brokenFiles = report.testResults.filter(
  ({ status, assertionResults }) => status === 'failed' && !assertionResults.some((test) => test.status === 'failed'),
).length;
const passed = report.numPassedTests;
const failed = report.numFailedTests + brokenFiles;
const skipped = report.numPendingTests + (report.numTodoTests ?? 0);
console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
if (passed + failed === 0) process.exitCode = 1;
