-- Disabling a person frees what the provider knows the person by: the same human may be added at another post.
DELETE FROM person_identity
 USING person
 WHERE person.person_id = person_identity.person_id
   AND person.disabled_at IS NOT NULL;
