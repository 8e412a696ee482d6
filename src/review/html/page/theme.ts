/** A button that turns the page dark or light; before it is pressed the page is as the system is. */
export function offerThemes(button: HTMLElement): void {
  const system = matchMedia('(prefers-color-scheme: dark)');
  let chosen: boolean | undefined;
  const show = () => {
    const dark = chosen ?? system.matches;
    document.documentElement.dataset.theme = dark ? 'dark' : 'light';
    button.textContent = dark ? 'Light' : 'Dark';
    button.setAttribute('aria-label', dark ? 'Switch to light colours' : 'Switch to dark colours');
    button.setAttribute('aria-pressed', String(chosen !== undefined));
    dispatchEvent(new Event('themechange'));
  };
  button.addEventListener('click', () => {
    chosen = !(chosen ?? system.matches);
    show();
  });
  system.addEventListener('change', show);
  show();
}
