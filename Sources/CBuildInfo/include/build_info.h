#ifndef ROOST_BUILD_INFO_H
#define ROOST_BUILD_INFO_H

/// The commit this binary was built from, with "+" behind it if the tree had other changes; "unknown" outside git.
const char *roost_build_commit(void);

#endif
