import assert from 'node:assert/strict';
import { join } from 'node:path';

/** The app in a browser, as a person sees it. */
export class App {
  constructor(page, pictures) {
    this.page = page;
    this.pictures = pictures;
  }

  /** Waits for the screen with this title. All that can be operated on it must have a name for screen readers. */
  async shows(title) {
    await this.page.getByRole('heading', { name: title, exact: true }).waitFor();
    const nameless = await this.page.evaluate(() =>
      [...document.querySelectorAll('[role=button], button, input, a')].filter((it) => !it.getAttribute('aria-label')).map((it) => it.outerHTML.slice(0, 200)),
    );
    assert.deepEqual(nameless, [], `controls without a name on "${title}"`);
  }

  /** Waits for a sentence. */
  async says(text) {
    await this.page.getByText(text).first().waitFor();
  }

  /** Waits for a problem at the field that it speaks of. */
  async complainsAt(label, text) {
    const field = this.page.getByLabel(label, { exact: true }).locator('xpath=../..');
    await field.getByRole('alert').filter({ hasText: text }).waitFor();
  }

  async fill(label, text) {
    await this.page.getByLabel(label, { exact: true }).fill(text);
  }

  async tap(name) {
    await this.page.getByRole('button', { name, exact: true }).click();
  }

  /** A picture of the screen as it is, in the light or dark scheme. */
  async picture(name, scheme = 'light') {
    await this.page.emulateMedia({ colorScheme: scheme, reducedMotion: 'reduce' });
    await this.page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))));
    await this.page.screenshot({ path: join(this.pictures, `${name}-${scheme}.png`), animations: 'disabled' });
    await this.page.emulateMedia({ colorScheme: 'light' });
  }
}
