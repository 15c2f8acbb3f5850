"""Validates posts."""

from collections.abc import Iterator

from paidan_contracts.city.diagnostics import DocumentPath, Violation
from paidan_contracts.city.pack import Pack
from paidan_contracts.city.posts import DUTIES, LOCAL_DUTIES, MAX_SCOPES_LENGTH, Post, scopes_of
from paidan_contracts.city.validation.references import KnownIds, find_duplicates, find_unmatched_classes
from paidan_contracts.nearest import nearest


def check_posts(pack: Pack, known_ids: KnownIds) -> Iterator[Violation]:
    """Yield duplicate ids, unknown departments, classes and places, and posts that lack what their duty needs."""
    posts = pack.posts or ()
    yield from find_duplicates(("duties",), "duty", (each.duty for each in pack.duties or ()))
    yield from find_duplicates(("posts",), "id", (each.id for each in posts))
    for index, post in enumerate(posts):
        path: DocumentPath = ("posts", index)
        yield from _check_references(path, post, known_ids)
        yield from _check_needs(path, post)


def _check_references(path: DocumentPath, post: Post, known_ids: KnownIds) -> Iterator[Violation]:
    if post.department is not None and post.department not in known_ids.departments:
        hint = nearest(post.department, known_ids.departments)
        yield Violation(
            (*path, "department"),
            f"there is no department {post.department!r}{hint.en}",
            f"没有部门 {post.department!r}{hint.zh}",
        )
    yield from find_unmatched_classes(path, post.classes, known_ids)
    for code in post.places or ():
        if not known_ids.has_place(code):
            yield Violation(
                (*path, "places"),
                f"there is no district, street or community {code!r}",
                f"没有区县、街道或社区 {code!r}",
            )


def _check_needs(path: DocumentPath, post: Post) -> Iterator[Violation]:
    if "{department}" in DUTIES[post.duty].scope and post.department is None:
        yield Violation(
            (*path, "department"),
            f"is missing: a {post.duty} answers for a department",
            f"缺少必填项：{DUTIES[post.duty].names.zh}须写明所属部门",
        )
    if (length := len(" ".join(scopes_of(post)))) > MAX_SCOPES_LENGTH:
        yield Violation(
            (*path, "places" if post.places else "classes"),
            f"the classes and places make {length} characters, and a person's token has room for {MAX_SCOPES_LENGTH}:"
            " name a district for its streets, or a pattern for its classes",
            f"类别和地点共 {length} 个字符，人员令牌最多 {MAX_SCOPES_LENGTH} 个：请以区县代替其街道，以前缀代替各类别",
        )
    if post.duty in LOCAL_DUTIES and post.places is None:
        yield Violation(
            (*path, "places"),
            f"is missing: the duty {post.duty} belongs to a district or a street",
            f"缺少必填项：职责 {post.duty} 须写明所辖区县或街道",
        )
