"""The forms of those who work in the street, filled in and sent."""

from playwright.async_api import FilePayload, Page

from tests.intake.sample_photos import make_jpeg


async def finish(page: Page, case_id: str, text: str, *, colour: str = "teal") -> None:
    """Fill in what was done, with a photo, and send it."""
    form = page.locator(f'form[action="/cases/{case_id}/actions/finish"]')
    details = page.locator("details", has=form)
    if await details.get_attribute("open") is None:
        await details.locator("summary").click()
    await form.locator("textarea").first.fill(text)
    await form.locator("input[type=file]").set_input_files(jpeg_file(2400, colour=colour))
    for consent in await form.locator("input[type=checkbox]").all():
        if await consent.is_visible():
            await consent.check()
    await form.locator("button[type=submit]").click()


def jpeg_file(width: int = 40, *, colour: str = "teal") -> FilePayload:
    """Return a photo to choose."""
    photo = make_jpeg(width=width, height=width * 3 // 4, colour=colour)
    return FilePayload(name="a.jpg", mimeType="image/jpeg", buffer=photo)


async def inspect(page: Page, case_id: str, *, passed: bool, reason: str = "") -> None:
    """Fill in whether the work passes, and send it."""
    form = page.locator(f'form[action="/cases/{case_id}/actions/inspect"]')
    details = page.locator("details", has=form)
    if await details.get_attribute("open") is None:
        await details.locator("summary").click()
    await form.locator("select").first.select_option("true" if passed else "false")
    if reason:
        await form.locator('[name="action.reason"]').fill(reason)
    await form.locator("button[type=submit]").click()
